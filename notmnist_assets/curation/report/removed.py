"""Builds the sections about sanitizing: rows by letter before and after, rules, removed rows by reason, examples."""

from collections.abc import Hashable, Mapping
from typing import Any, Final

import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.statistics import label_counts
from notmnist_assets.curation.duplicates.examples import removed_pair
from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.report.blocks import (
    Folded,
    Pictures,
    Section,
    Summary,
    Table,
    count,
    number_column,
    share,
    text_cell,
    text_column,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.pictures import Picture, exhibit_picture
from notmnist_assets.curation.sanitizing.decision import REASONS, Conflicts, RemoveFrom, Repeats
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.curation.summaries.results import removed_summary

_EXAMPLES: Final = 4

_METHODS: Final[Mapping[Method, str]] = {
    "exact": "all pixels are equal",
    "cells": "the maxima of all 4x4 cells are equal",
    "near": "the sum of their absolute pixel differences / 255 is at most the radius, with near_shifts also after one"
    " is shifted by one pixel",
}
_REMOVE_FROM: Final[Mapping[RemoveFrom, str]] = {
    "evaluation": "valid rows whose image is also in train, and test rows whose image is also in train or valid, are"
    " removed",
    "training": "train rows whose image is also in valid or test, and valid rows whose image is also in test, are"
    " removed",
}
_CONFLICTS: Final[Mapping[Conflicts, str]] = {
    "drop": "all its rows are removed",
    "majority": "its rows without the majority letter are removed, or all its rows if there is no majority",
    "keep": "all its rows are kept",
}
_REPEATS: Final[Mapping[Repeats, str]] = {
    "drop": "rows are taken in order, and each with the same image as one taken before is removed",
    "exact": "of rows with equal pixels, all but the first are removed; near repeats are kept",
    "keep": "all rows are kept",
}
_BALANCE: Final[Mapping[str, str]] = {
    "raw": "rows before sanitizing, a tenth of each split per letter",
    "sanitized": "rows after sanitizing",
}


def balance_section(data: ReportData) -> Section:
    """Count the rows of each letter in each split, before and after sanitizing."""
    groups = [("raw", data.splits), ("sanitized", data.sanitized)]
    counts = {(kind, name): label_counts(splits[name].labels) for kind, splits in groups for name in SPLITS}
    largest = {name: int(counts["raw", name].max(initial=0)) for name in SPLITS}
    rows = [
        (text_cell(letter), *(count(counts[key][place], of=largest[key[1]]) for key in counts))
        for place, letter in enumerate(LETTERS)
    ]
    totals = (text_cell("all"), *(count(int(counts[key].sum())) for key in counts))
    table = Table(
        "balance-table",
        "Rows by letter",
        (
            text_column("letter"),
            *(
                number_column(f"{name}, {kind}", _BALANCE[kind] if name == SPLITS[0] else "")
                for kind, _ in groups
                for name in SPLITS
            ),
        ),
        [*rows, totals],
        total=True,
    )
    return Section(
        "balance",
        "Balance of letters",
        "In an unbalanced split, a model that prefers the most frequent letter scores higher. The length of a bar is"
        " relative to the most frequent letter of the raw split.",
        (Folded(table.caption, (table,)),),
    )


def sanitizing_section(data: ReportData) -> Section:
    """Show the rules, the number of removed rows by reason, and examples."""
    policy = data.policy
    rules = Table(
        "policy-table",
        "Rules",
        (text_column("case"), text_column("rule")),
        [
            (text_cell("same image"), text_cell(f"Two rows show the same image if {_METHODS[policy.method]}.")),
            (text_cell("image in two splits"), text_cell(f"{_sentence(_REMOVE_FROM[policy.remove_from])}.")),
            (text_cell("image with different letters"), text_cell(f"{_sentence(_CONFLICTS[policy.conflicts])}.")),
            (text_cell("image repeated within a split"), text_cell(f"{_sentence(_REPEATS[policy.repeats])}.")),
        ],
    )
    removed = data.removed.groupby(["split", "reason"]).size()
    counts = Table(
        "removed-table",
        "Removed rows by split and reason",
        (
            text_column("split"),
            number_column("raw", "rows before sanitizing"),
            *(number_column(reason, meaning) for reason, meaning in REASONS.items()),
            number_column("sanitized", "rows after sanitizing"),
            number_column("share kept", "sanitized / raw"),
        ),
        [
            (
                text_cell(name),
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
        "Sanitizing",
        "Sanitizing removes rows that leak between splits, have conflicting letters or repeat. A row with several"
        " reasons is counted under the first. The asset sanitized/removed lists each removed row with its reason and a"
        " row with the same image.",
        (
            Summary(removed_summary({name: len(data.splits[name]) for name in SPLITS}, data.removed)),
            counts,
            Folded("Examples of each reason", _examples(data)),
            Folded("Rules of sanitizing", (rules,)),
        ),
        gallery="removed",
    )


def _sentence(text: str) -> str:
    """Return a text with a capital first letter."""
    return text[0].upper() + text[1:]


def _examples(data: ReportData) -> list[Pictures]:
    galleries = []
    for reason in REASONS:
        rows = data.removed[data.removed["reason"] == reason]
        if len(rows):
            examples = rows.iloc[evenly_spaced(len(rows), _EXAMPLES)]
            galleries.append(
                Pictures(
                    f"Removed: {reason}",
                    "The removed row, the row with the same image, and their amplified difference.",
                    [_example(data, row) for row in examples.to_dict("records")],
                )
            )
    return galleries


def _example(data: ReportData, row: Mapping[Hashable, Any]) -> Picture:
    caption = "{split} {row} ({letter}) | {collides_split} {collides_row} ({collides_letter})"
    if pd.notna(row["distance"]):
        caption += ", distance {distance:.2f}"
    exhibit = removed_pair(data.splits, row, caption)
    return exhibit_picture(exhibit, "A removed row, the row with the same image, and their amplified difference")
