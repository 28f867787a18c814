"""What sanitizing removed: by which rules, how many rows for which reason, and examples.

Belongs here: the section that tells. Deciding is in `sanitizing`.
"""

from collections.abc import Mapping
from typing import Final

import pandas as pd

from notmnist_assets.curation.gallery import pair_exhibit
from notmnist_assets.curation.images import LETTERS
from notmnist_assets.curation.relation import Method
from notmnist_assets.curation.report.blocks import Picture, Pictures, Section, Table, count, numbers, share, word, words
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.duplicates import exhibit_picture
from notmnist_assets.curation.sampling import evenly_spaced
from notmnist_assets.curation.sanitizing import REASONS, Conflicts, RemoveFrom, Repeats
from notmnist_assets.curation.splits import SPLITS

_EXAMPLES: Final = 4

_METHODS: Final[Mapping[Method, str]] = {
    "exact": "all pixels are equal",
    "cells": "the maxima of all 4x4 cells are equal",
    "near": "the sum of absolute pixel differences is at most the radius, with near_shifts after some move by one"
    " pixel",
}
_REMOVE_FROM: Final[Mapping[RemoveFrom, str]] = {
    "evaluation": "valid rows that are in train, and test rows that are in train or valid, leave",
    "training": "train rows that are in valid or test, and valid rows that are in test, leave",
}
_CONFLICTS: Final[Mapping[Conflicts, str]] = {
    "drop": "all its rows leave",
    "majority": "rows of other letters than the majority's leave, all of them when there is none",
    "keep": "all its rows stay",
}
_REPEATS: Final[Mapping[Repeats, str]] = {"drop": "all but the first leave", "keep": "all stay"}


def sanitizing_section(data: ReportData) -> Section:
    """Tell the policy, what it removed, and show examples."""
    policy = data.policy
    rules = Table(
        "policy-table",
        "The rules",
        (words("question"), words("rule")),
        [
            (word("When do two rows show the same image?"), word(f"When {_METHODS[policy.method]}.")),
            (word("When a row is in two splits?"), word(f"Then {_REMOVE_FROM[policy.remove_from]}.")),
            (word("When an image carries different letters?"), word(f"Then {_CONFLICTS[policy.conflicts]}.")),
            (word("When an image repeats within a split?"), word(f"Of equal rows, {_REPEATS[policy.repeats]}.")),
        ],
    )
    removed = data.removed.groupby(["split", "reason"]).size()
    counts = Table(
        "removed-table",
        "Rows of each split, and why rows left",
        (
            words("split"),
            numbers("as drawn", "rows before"),
            *(numbers(reason, _REASONS[reason]) for reason in REASONS),
            numbers("left", "rows of the sanitized split"),
            numbers("share left", "of the rows before"),
        ),
        [
            (
                word(name),
                count(len(data.splits[name])),
                *(count(int(removed.get((name, reason), 0))) for reason in REASONS),
                count(len(data.sanitized[name])),
                share(len(data.sanitized[name]) / max(1, len(data.splits[name]))),
            )
            for name in SPLITS
        ],
    )
    return Section(
        "sanitizing",
        "What was removed",
        "Sanitizing takes out what leaks, contradicts itself or repeats. A row that has several reasons is counted"
        " under the first. Each removed row is listed, with the row it collides with, in sanitized/removed.",
        (rules, counts, *_examples(data)),
    )


_REASONS: Final[Mapping[str, str]] = {
    **{f"also in {name}": f"the image is in {name} as well" for name in SPLITS},
    "conflicting letters": "the image carries different letters",
    "repeat": "the same split holds the image in an earlier row",
}


def _examples(data: ReportData) -> list[Pictures]:
    galleries = []
    for reason in REASONS:
        rows = data.removed[data.removed["reason"] == reason]
        if len(rows):
            shown = rows.iloc[evenly_spaced(len(rows), _EXAMPLES)]
            galleries.append(
                Pictures(
                    f"Removed: {reason}",
                    "The removed row, the row it collides with, and their difference, amplified.",
                    [_example(data, row) for _, row in shown.iterrows()],
                )
            )
    return galleries


def _example(data: ReportData, row: "pd.Series[float]") -> Picture:
    split, other = data.splits[str(row["split"])], data.splits[str(row["collides_split"])]
    here, there = int(row["row"]), int(row["collides_row"])
    letter, other_letter = LETTERS[split.labels[here]], LETTERS[other.labels[there]]
    distance = f", distance {row['distance']:.2f}" if pd.notna(row["distance"]) else ""
    caption = f"{row['split']} {here} ({letter}) | {row['collides_split']} {there} ({other_letter}){distance}"
    exhibit = pair_exhibit(caption, split.images[here], other.images[there])
    return exhibit_picture(exhibit, "A removed row, the row it collides with, and their difference, amplified")
