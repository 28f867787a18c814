"""Tests of `notmnist_assets.storage`."""
