"""Tests of `notmnist_assets.curation.sanitizing`."""
