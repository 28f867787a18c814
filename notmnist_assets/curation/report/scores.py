"""Builds the section about baselines: accuracy before and after sanitizing, learning curves, recall by letter."""

from collections.abc import Iterator
from typing import Final

import pandas as pd

from notmnist_assets.curation.baselines.confusion import Counts, recall_by_letter
from notmnist_assets.curation.baselines.evaluation import learning_curve, of_first_model
from notmnist_assets.curation.core.figures import line_chart
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.report.blocks import (
    Block,
    Cell,
    Chart,
    Paragraph,
    Section,
    Table,
    count,
    estimate,
    interval,
    number_column,
    rows_of,
    share,
    text_cell,
    text_column,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.splitting.splits import EVALUATION


def baselines_section(data: ReportData) -> Section:
    """Show accuracies, learning curves, and recall and confusion by letter."""
    metrics = of_first_model(data.baselines)
    table = Table(
        "baselines-table",
        "Accuracy of each model",
        (
            text_column("model"),
            text_column("trained on", "rows of the raw or the sanitized train split"),
            text_column("training rows", "number of rows from the start of the shuffled split"),
            text_column("evaluated on"),
            text_column(
                "evaluated rows", "raw: all rows; clean: sanitized rows; duplicates: rows that sanitizing removed"
            ),
            number_column("rows", "number of evaluated rows"),
            number_column("accuracy", "share of correct predictions"),
            number_column("95 % interval", "Wilson interval of the accuracy"),
            text_column("converged", "whether the fit converged"),
        ),
        [
            (
                text_cell(row.model),
                text_cell(row.train_on),
                count(int(row.train_rows)) if str(row.train_rows).isdigit() else text_cell(row.train_rows),
                text_cell(row.eval_on),
                text_cell(row.eval_rows),
                count(row.rows),
                share(row.accuracy, bar=True),
                interval(row.ci_low, row.ci_high),
                text_cell("yes" if row.converged else "no"),
            )
            for row in rows_of(data.baselines)
        ],
    )
    return Section(
        "baselines",
        "Baselines",
        "Logistic regression with scikit-learn's default C = 1 was trained on growing parts of the raw and of the"
        " sanitized train split and evaluated on valid and test. Stronger regularization can give a higher accuracy,"
        " as in examples/train.py. No model is evaluated on its training rows.",
        (_effect(metrics), Paragraph(_WHY_HIGHER), *_curves(metrics), *_letters(data), table),
    )


_WHY_HIGHER: Final = (
    "The accuracy on leaking rows is usually higher, partly because the model has seen their images and partly because"
    " these images are easier."
)


def _effect(metrics: pd.DataFrame) -> Table:
    full = metrics[metrics["train_rows"] == "all"]

    def accuracy(train_on: str, eval_on: str, eval_rows: str) -> Cell:
        wanted = (full["train_on"] == train_on) & (full["eval_on"] == eval_on) & (full["eval_rows"] == eval_rows)
        for row in rows_of(full[wanted]):
            return estimate(row.accuracy, row.ci_low, row.ci_high)
        return Cell("no rows")

    cases = (
        ("raw", "raw", "raw train, all rows", "trained on raw rows, evaluated on all rows"),
        ("raw", "duplicates", "raw train, removed rows", "the same model on the rows that sanitizing removed"),
        ("raw", "clean", "raw train, clean rows", "the same model on the sanitized rows"),
        ("sanitized", "clean", "sanitized train, clean rows", "trained and evaluated on sanitized rows"),
    )
    return Table(
        "effect-table",
        "Effect of sanitizing: accuracy of models trained on all rows, with 95 % intervals",
        (text_column("evaluated on"), *(number_column(title, about) for _, _, title, about in cases)),
        [
            (text_cell(name), *(accuracy(train_on, name, eval_rows) for train_on, eval_rows, _, _ in cases))
            for name in EVALUATION
        ],
    )


_TRAINED: Final = {"raw": "raw rows", "sanitized": "sanitized rows"}
_EVALUATED: Final = {"duplicates": "removed", "raw": "all", "clean": "clean"}


def _curves(metrics: pd.DataFrame) -> Iterator[Chart]:
    """Plot a chart for each kind of training rows; in one chart the lines would hide each other."""
    points = learning_curve(metrics)
    points = points[points["eval_on"] == "test"]
    points = points.assign(**{column: points[column] * 100 for column in ("accuracy", "ci_low", "ci_high")})
    for train_on, trained in _TRAINED.items():
        part = points[points["train_on"] == train_on]
        curves = {name: rows for kind, name in _EVALUATED.items() if len(rows := part[part["eval_rows"] == kind])}
        yield Chart(
            f"Learning curve, trained on {trained}",
            f"Line chart of accuracy on removed, all and clean test rows by number of {train_on} training rows",
            "Accuracy on test by number of training rows, with 95 % intervals as bands: on the rows that sanitizing"
            " removed, on all rows, and on the clean rows, which it kept.",
            line_chart(
                [(name, rows["train_rows"].tolist(), rows["accuracy"].tolist()) for name, rows in curves.items()],
                bands=[(rows["ci_low"].tolist(), rows["ci_high"].tolist()) for rows in curves.values()],
                title="",
                x_label="training rows",
                y_label="accuracy in %",
                log_x=True,
                form="svg",
            ),
        )


def _letters(data: ReportData) -> list[Block]:
    """Return recall and confusion by letter if confusion matrices of these very models are recorded."""
    recorded = {
        train_on: data.confusions[train_on]
        for train_on in _TRAINED
        if train_on in data.confusions and _matches(data.confusions[train_on], train_on, of_first_model(data.baselines))
    }
    if not recorded:
        return []
    recalls = {train_on: recall_by_letter(counts) for train_on, counts in recorded.items()}
    rows = next(iter(recalls.values()))["rows"]
    recall = Table(
        "recall-by-letter-table",
        "Recall by letter on clean test rows",
        (
            text_column("letter", "letter of the rows"),
            number_column("rows", "clean test rows of the letter"),
            *(
                column
                for train_on in recalls
                for column in (
                    number_column(train_on, f"recall, trained on {_TRAINED[train_on]}"),
                    number_column("95 % interval"),
                )
            ),
        ),
        [
            (
                text_cell(letter),
                count(rows[label]),
                *(
                    cell
                    for table in recalls.values()
                    for cell in (
                        share(table["recall"][label]),
                        interval(table["ci_low"][label], table["ci_high"][label]),
                    )
                ),
            )
            for label, letter in enumerate(LETTERS)
        ],
    )
    return [recall, *(_confusion(train_on, counts) for train_on, counts in recorded.items())]


def _confusion(train_on: str, counts: Counts) -> Table:
    return Table(
        f"confusion-{train_on}-table",
        f"Confusion matrix, trained on {_TRAINED[train_on]}",
        (
            text_column("letter", "letter of the clean test rows; columns: number of rows by predicted letter"),
            *map(number_column, LETTERS),
        ),
        [(text_cell(letter), *map(count, counts[label])) for label, letter in enumerate(LETTERS)],
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
