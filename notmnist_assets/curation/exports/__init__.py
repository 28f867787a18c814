"""Writes splits in the formats of other programs, and compares written files with the splits."""
