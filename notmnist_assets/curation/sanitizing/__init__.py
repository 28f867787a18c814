"""Decides which rows to remove, splits by duplicate groups, and verifies the results independently."""
