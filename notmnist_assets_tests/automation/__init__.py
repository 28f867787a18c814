"""Tests of `notmnist_assets.automation`."""
