"""Tests of `notmnist_assets.curation.duplicates.near`."""
