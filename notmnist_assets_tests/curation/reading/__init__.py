"""Tests of `notmnist_assets.curation.reading`."""
