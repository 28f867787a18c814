"""Tests of `notmnist_assets.curation.labels`."""
