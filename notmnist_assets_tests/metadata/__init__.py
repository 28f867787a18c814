"""Tests of `notmnist_assets.metadata`."""
