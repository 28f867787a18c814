"""Fits and scores models."""
