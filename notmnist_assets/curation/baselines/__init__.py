"""Fits and scores models, and ranks rows whose label is likely wrong."""
