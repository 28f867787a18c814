"""Tests of `notmnist_assets.curation.baselines`."""
