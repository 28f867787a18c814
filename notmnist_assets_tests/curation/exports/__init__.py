"""Tests of `notmnist_assets.curation.exports`."""
