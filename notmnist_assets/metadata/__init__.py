"""Metadata for the UI: tables, pictures, columns with their lineage, and messages of failures."""
