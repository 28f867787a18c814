"""Tests of `notmnist_assets.cli`."""
