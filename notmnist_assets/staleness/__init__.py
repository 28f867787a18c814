"""Decides which assets are out of date and why, in which order to materialize them, and how their checks ended."""
