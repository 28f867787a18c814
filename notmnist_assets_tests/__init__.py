"""Tests of `notmnist_assets.`."""
