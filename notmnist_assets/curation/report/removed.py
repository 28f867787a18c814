"""What sanitizing removed and left: rows by letter, by which rules, how many for which reason, and examples.

Belongs here: the sections that tell. Deciding is in `sanitizing`.
"""

from collections.abc import Hashable, Mapping
from typing import Any, Final

import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.statistics import label_counts
from notmnist_assets.curation.duplicates.examples import removed_pair
from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.report.blocks import (
    Picture,
    Pictures,
    Section,
    Table,
    count,
    exhibit_picture,
    numbers,
    share,
    word,
    words,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.sanitizing.decision import REASONS, Conflicts, RemoveFrom, Repeats
from notmnist_assets.curation.splitting.splits import SPLITS

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
_REASONS: Final[Mapping[str, str]] = {
    **{f"also in {name}": f"the image is in {name} as well" for name in SPLITS},
    "conflicting letters": "the image carries different letters",
    "repeat": "the same split holds the image in an earlier row",
}
_BALANCE: Final[Mapping[str, str]] = {
    "as drawn": "rows before sanitizing, a tenth of each split per letter",
    "sanitized": "rows that sanitizing left",
}


def balance_section(data: ReportData) -> Section:
    """Count the rows of each letter in each split, before and after sanitizing."""
    groups = [("as drawn", data.splits), ("sanitized", data.sanitized)]
    counts = {(what, name): label_counts(splits[name].labels) for what, splits in groups for name in SPLITS}
    largest = {name: int(counts["as drawn", name].max(initial=0)) for name in SPLITS}
    rows = [
        (word(letter), *(count(counts[key][place], of=largest[key[1]]) for key in counts))
        for place, letter in enumerate(LETTERS)
    ]
    totals = (word("all"), *(count(int(counts[key].sum())) for key in counts))
    table = Table(
        "balance-table",
        "Rows of each letter",
        (
            words("letter"),
            *(
                numbers(f"{name}, {what}", _BALANCE[what] if name == SPLITS[0] else "")
                for what, _ in groups
                for name in SPLITS
            ),
        ),
        [*rows, totals],
        total=True,
    )
    return Section(
        "balance",
        "Balance of letters",
        "A split that has more of one letter rewards guessing it. Bars are lengths relative to the split's most"
        " frequent letter as drawn.",
        (table,),
    )


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
                    [_example(data, row) for row in shown.to_dict("records")],
                )
            )
    return galleries


def _example(data: ReportData, row: Mapping[Hashable, Any]) -> Picture:
    caption = "{split} {row} ({letter}) | {collides_split} {collides_row} ({collides_letter})"
    if pd.notna(row["distance"]):
        caption += ", distance {distance:.2f}"
    exhibit = removed_pair(data.splits, row, caption)
    return exhibit_picture(exhibit, "A removed row, the row it collides with, and their difference, amplified")
