"""Builds the blocks about errors of the models: recall, precision and confusion by letter, confident mistakes."""

from typing import Final

import numpy as np
import pandas as pd

from notmnist_assets.curation.baselines.confusion import Counts, mistake_exhibits, scores_by_letter
from notmnist_assets.curation.baselines.evaluation import of_first_model
from notmnist_assets.curation.baselines.scoring import row_groups
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.report.blocks import (
    Block,
    Folded,
    Pictures,
    Table,
    count,
    estimate,
    number_column,
    rows_of,
    shaded,
    share,
    text_cell,
    text_column,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.pictures import gallery_picture

_TRAINED: Final = {"raw": "raw rows", "sanitized": "sanitized rows"}
_MOST_MISTAKES: Final = 14


def by_letter(data: ReportData) -> list[Block]:
    """Return recall, precision and confusion by letter if confusion matrices of these very models are recorded."""
    recorded = {
        train_on: data.confusions[train_on]
        for train_on in _TRAINED
        if train_on in data.confusions and _matches(data.confusions[train_on], train_on, of_first_model(data.baselines))
    }
    if not recorded:
        return []
    scores = {train_on: scores_by_letter(counts) for train_on, counts in recorded.items()}
    rows = next(iter(scores.values()))["rows"]
    table = Table(
        "scores-by-letter-table",
        "Recall and precision by letter on clean test rows, with 95 % intervals",
        (
            text_column("letter", "letter of the rows"),
            number_column("rows", "clean test rows of the letter"),
            *(
                number_column(f"{measured}, {train_on}", f"{about}, trained on {_TRAINED[train_on]}")
                for train_on in scores
                for measured, about in (
                    ("recall", "share of the rows of the letter that are read as it"),
                    ("precision", "share of the rows read as the letter that have its label"),
                )
            ),
        ),
        [
            (
                text_cell(letter),
                count(rows[label]),
                *(
                    estimate(table[measured][label], table[f"{measured}_low"][label], table[f"{measured}_high"][label])
                    if table[measured].notna()[label]
                    else share(np.nan)
                    for table in scores.values()
                    for measured in ("recall", "precision")
                ),
            )
            for label, letter in enumerate(LETTERS)
        ],
    )
    confusions = [_confusion(train_on, counts) for train_on, counts in recorded.items()]
    return [*confusions, Folded(table.caption, (table,))]


def _confusion(train_on: str, counts: Counts) -> Table:
    # Errors are few: the color grows with the square root of the share.
    depths = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    return Table(
        f"confusion-{train_on}-table",
        f"Confusion matrix, trained on {_TRAINED[train_on]}",
        (
            text_column("letter", "letter of the clean test rows; columns: number of rows by predicted letter"),
            *map(number_column, LETTERS),
        ),
        [(text_cell(letter), *map(shaded, counts[label], depths[label])) for label, letter in enumerate(LETTERS)],
    )


def _matches(counts: Counts, train_on: str, metrics: pd.DataFrame) -> bool:
    """Return whether a confusion matrix has the rows and correct predictions of the table of accuracies."""
    of_all = metrics[
        (metrics["train_on"] == train_on)
        & (metrics["train_rows"] == "all")
        & (metrics["eval_on"] == "test")
        & (metrics["eval_rows"] == "clean")
    ]
    tabulated = [(int(row.rows), round(row.accuracy * row.rows)) for row in rows_of(of_all)]
    rows, right = int(counts.sum()), int(counts.trace())
    # The table has no entry for an evaluation without rows.
    return tabulated == ([(rows, right)] if rows else [])


def mistakes(data: ReportData) -> list[Block]:
    """Return the most confident wrong predictions as pictures."""
    if data.mistakes is None or data.mistakes.empty:
        return []
    shown = min(len(data.mistakes), _MOST_MISTAKES)
    caption = f"The {shown} most confident of {len(data.mistakes):,} wrong predictions: label, prediction, probability"
    exhibits = mistake_exhibits(data.splits, data.mistakes, row_groups(data.index), shown)
    return [
        Pictures(
            "Most confident mistakes",
            "Rows of valid and test that the model trained on all sanitized rows reads as another letter with the"
            " highest probability. The label or the prediction may be wrong.",
            [gallery_picture(exhibits, 7, caption, caption)],
        )
    ]
