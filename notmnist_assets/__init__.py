"""Trustworthy datasets from the notMNIST archives, as a Dagster asset graph.

`notmnist_assets.curation` is the numeric library, without Dagster; everything else names, wires, stores,
checks and describes its results as assets. Importing this package imports neither Dagster nor pandas.
"""
