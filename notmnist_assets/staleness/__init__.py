"""Decides which assets are out of date and why, and how their checks ended."""
