"""Tests of the summaries of assets."""
