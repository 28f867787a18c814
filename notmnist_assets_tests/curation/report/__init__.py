"""Tests of `notmnist_assets.curation.report`."""
