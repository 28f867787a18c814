"""Stores and loads values of assets: versions on any fsspec file system, digests, and the IO managers."""
