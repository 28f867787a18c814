"""Finds rows with the same image: digests, exact near-duplicate search, radius, overlap of splits, recall."""
