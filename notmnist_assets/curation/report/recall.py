"""What each method finds of planted copies.

Belongs here: the section that tells, and what each method means. Planting and looking are in `curation.recall`.
"""

from collections.abc import Mapping
from typing import Final

from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.report.blocks import (
    Cell,
    Section,
    Table,
    estimate,
    measure,
    numbers,
    rows_of,
    word,
    words,
)
from notmnist_assets.curation.report.data import ReportData

METHODS: Final[Mapping[str, str]] = {
    "exact": "equal pixels",
    "cells": "equal maxima of all 4x4 cells, the assignment's near hash",
    "near": "within the radius in use",
    "phash_0": "a perceptual hash with equal bits",
    "phash_10": "the same with at most 10 of 64 bits different",
}
"""What each method calls the same image."""


def recall_section(data: ReportData) -> Section:
    """Tell what each method would have found."""
    methods = list(dict.fromkeys(data.recall["method"]))
    rows: list[tuple[Cell, ...]] = []
    for (name, strength), part in data.recall.groupby(["perturbation", "strength"], sort=False):
        found = {row.method: estimate(row.recall, row.ci_low, row.ci_high, 0, bar=True) for row in rows_of(part)}
        cells = (found[method] for method in methods)
        rows.append((word(f"{name} {strength:g}"), measure(part["median_distance"].iloc[0], 1), *cells))
    planted = int(data.recall["planted"].max()) if len(data.recall) else 0
    table = Table(
        "recall-table",
        f"Found of {counted(planted, 'planted copy', 'planted copies')}, with 95 % intervals",
        (
            words("change", "what was done to each copy, and how strongly"),
            numbers("distance", "median distance of copy and original, in the unit of the radius"),
            *(numbers(method, METHODS.get(method, "")) for method in methods),
        ),
        rows,
    )
    return Section(
        "recall",
        "What each method finds",
        "Copies of the data's own images were changed in known ways and looked for again. No method finds all: what it"
        " misses can still leak.",
        (table,),
    )
