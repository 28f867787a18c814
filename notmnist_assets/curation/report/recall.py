"""Builds the section about the recall of each duplicate search on planted copies."""

from collections.abc import Mapping
from typing import Final

from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.report.blocks import (
    Cell,
    Folded,
    Section,
    Summary,
    Table,
    estimate,
    measure,
    number_column,
    rows_of,
    text_cell,
    text_column,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.summaries.results import recall_summary

METHODS: Final[Mapping[str, str]] = {
    "exact": "equal pixels",
    "cells": "equal maxima of all 4x4 cells, the assignment's coarse hash",
    "near": "within the radius in use",
    "phash_0": "equal perceptual hashes",
    "phash_10": "perceptual hashes with at most 10 of 64 bits different",
}
"""By method, the condition for two images to count as the same image."""


def recall_section(data: ReportData) -> Section:
    """Show the recall of each method by kind and strength of the change."""
    methods = list(dict.fromkeys(data.recall["method"]))
    rows: list[tuple[Cell, ...]] = []
    for (name, strength), part in data.recall.groupby(["perturbation", "strength"], sort=False):
        found = {row.method: estimate(row.recall, row.ci_low, row.ci_high, 0, bar=True) for row in rows_of(part)}
        cells = (found[method] for method in methods)
        rows.append((text_cell(f"{name} {strength:g}"), measure(part["median_distance"].iloc[0], 1), *cells))
    planted = int(data.recall["planted"].max()) if len(data.recall) else 0
    table = Table(
        "recall-table",
        f"Found of {counted(planted, 'planted copy', 'planted copies')}, with 95 % intervals",
        (
            text_column("change", "change of each copy, and its strength"),
            number_column("distance", "median distance between copy and original, in the unit of the radius"),
            *(number_column(method, METHODS.get(method, "")) for method in methods),
        ),
        rows,
    )
    return Section(
        "recall",
        "Recall of each method",
        "Copies of images were changed in known ways and planted among the images; the table shows how many of them"
        " each method finds. Duplicates that a method misses can still leak.",
        (Summary(recall_summary(data.recall, data.used_radius)), Folded(table.caption, (table,))),
    )
