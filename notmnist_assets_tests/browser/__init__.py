"""Tests that use the graph as people do: in Dagster's UI, with a real browser."""
