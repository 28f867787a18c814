"""Writes splits in the formats of other programs, and reads them back."""
