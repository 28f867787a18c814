"""Tests that use the graph as people do: in Dagster's UI, with a real browser.

Belongs here: what a person sees and clicks. What the assets hold is tested without a browser, beside this folder.
"""
