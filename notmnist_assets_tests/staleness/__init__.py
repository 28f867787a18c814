"""Tests of `notmnist_assets.staleness`."""
