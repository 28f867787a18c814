"""Tests of `notmnist_assets.settings`."""
