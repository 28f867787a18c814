"""Tests of `notmnist_assets.runs`."""
