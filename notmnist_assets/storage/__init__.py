"""Stores and loads values of assets: versions on any file system, digests, one IO manager per kind of value."""
