"""Finds duplicate images: digests, near-duplicate search, choice of the radius, overlap of splits, recall."""
