"""Tests of `notmnist_assets.curation.splitting`."""
