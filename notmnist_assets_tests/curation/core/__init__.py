"""Tests of `notmnist_assets.curation.core`."""
