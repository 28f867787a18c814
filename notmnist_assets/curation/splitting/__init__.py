"""Samples the canonical train, valid and test rows."""
