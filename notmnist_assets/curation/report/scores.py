"""What a simple model scores, of all letters and of each, and what sanitizing changes of it.

Belongs here: the section of the baselines. Fitting and scoring are in `baselines`.
"""

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
    numbers,
    rows_of,
    share,
    word,
    words,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.splitting.splits import EVALUATION


def baselines_section(data: ReportData) -> Section:
    """Tell what a linear model scores, and what sanitizing changes."""
    metrics = of_first_model(data.baselines)
    table = Table(
        "baselines-table",
        "Accuracy of each model",
        (
            words("model"),
            words("trained on", "rows as drawn (raw) or sanitized"),
            words("training rows", "the first so many of the shuffled split"),
            words("scored on"),
            words("scored rows", "raw: all as drawn; clean: those that sanitizing left; duplicates: those it removed"),
            numbers("rows", "how many were scored"),
            numbers("accuracy", "share of them that were read right"),
            numbers("95 % interval", "Wilson's interval: what other rows of the same kind might give"),
            words("converged", "whether the fit reached its optimum"),
        ),
        [
            (
                word(row.model),
                word(row.train_on),
                count(int(row.train_rows)) if str(row.train_rows).isdigit() else word(row.train_rows),
                word(row.eval_on),
                word(row.eval_rows),
                count(row.rows),
                share(row.accuracy, bar=True),
                interval(row.ci_low, row.ci_high),
                word("yes" if row.converged else "no"),
            )
            for row in rows_of(data.baselines)
        ],
    )
    return Section(
        "baselines",
        "What a simple model scores",
        "Logistic regression was trained on growing parts of the training split, raw and sanitized, and scored on valid"
        " and test, with scikit-learn's default C = 1; more regularisation scores higher, as in examples/train.py. No"
        " row is scored by a model that it trained.",
        (_effect(metrics), Paragraph(_WHY_HIGHER), *_curves(metrics), *_letters(data), Paragraph(_SUSPECTS), table),
    )


_WHY_HIGHER: Final = (
    "Leaking rows score higher, partly because the model has seen them and partly because they are easier images."
)
_SUSPECTS: Final = (
    "Letters that are wrong stay in the sanitized splits, unless a duplicate contradicts them. The asset"
    " baselines/metrics shows training rows whose letter is most likely wrong, by models that were not fitted on them."
)


def _effect(metrics: pd.DataFrame) -> Table:
    full = metrics[metrics["train_rows"] == "all"]

    def accuracy(train_on: str, eval_on: str, eval_rows: str) -> Cell:
        wanted = (full["train_on"] == train_on) & (full["eval_on"] == eval_on) & (full["eval_rows"] == eval_rows)
        for row in rows_of(full[wanted]):
            return estimate(row.accuracy, row.ci_low, row.ci_high)
        return Cell("no rows")

    cases = (
        ("raw", "raw", "raw train, raw rows", "what one measures without looking at duplicates"),
        ("raw", "duplicates", "raw train, removed rows", "how the same model does on what sanitizing removed"),
        ("raw", "clean", "raw train, rows left", "how it does on what sanitizing left"),
        ("sanitized", "clean", "sanitized train, rows left", "what remains when training is sanitized too"),
    )
    return Table(
        "effect-table",
        "What sanitizing changes, trained on all rows: accuracy and its 95 % interval",
        (words("scored on"), *(numbers(title, about) for _, _, title, about in cases)),
        [
            (word(name), *(accuracy(train_on, name, eval_rows) for train_on, eval_rows, _, _ in cases))
            for name in EVALUATION
        ],
    )


_TRAINED: Final = {"raw": "rows as drawn", "sanitized": "sanitized rows"}
_SCORED: Final = {"duplicates": "removed", "raw": "as drawn", "clean": "clean"}


def _curves(metrics: pd.DataFrame) -> Iterator[Chart]:
    """Draw a curve for each kind of training rows: all in one would hide each other."""
    points = learning_curve(metrics)
    points = points[points["eval_on"] == "test"]
    points = points.assign(**{column: points[column] * 100 for column in ("accuracy", "ci_low", "ci_high")})
    for train_on, trained in _TRAINED.items():
        part = points[points["train_on"] == train_on]
        scored = {name: rows for kind, name in _SCORED.items() if len(rows := part[part["eval_rows"] == kind])}
        yield Chart(
            f"Learning curve, trained on {trained}",
            f"Line chart of accuracy on test by number of {train_on} training rows: on removed, all and clean rows",
            "Accuracy on test by training rows, with 95 % intervals as bands: on the rows that sanitizing removed, on"
            " all as drawn, and on the clean ones that it left.",
            line_chart(
                [(name, rows["train_rows"].tolist(), rows["accuracy"].tolist()) for name, rows in scored.items()],
                bands=[(rows["ci_low"].tolist(), rows["ci_high"].tolist()) for rows in scored.values()],
                title="",
                x_label="training rows",
                y_label="% read right",
                log_x=True,
                form="svg",
            ),
        )


def _letters(data: ReportData) -> list[Block]:
    """Tell which letters are read right, and which are taken for which, where that is known of these accuracies."""
    told = {
        train_on: data.confusions[train_on]
        for train_on in _TRAINED
        if train_on in data.confusions and _belongs(data.confusions[train_on], train_on, of_first_model(data.baselines))
    }
    if not told:
        return []
    recalls = {train_on: recall_by_letter(counts) for train_on, counts in told.items()}
    rows = next(iter(recalls.values()))["rows"]
    recall = Table(
        "recall-by-letter-table",
        "Clean test rows that were read right, by letter, trained on all rows",
        (
            words("letter", "the one that the rows carry"),
            numbers("rows", "clean test rows of the letter"),
            *(
                column
                for train_on in recalls
                for column in (numbers(train_on, f"trained on {_TRAINED[train_on]}"), numbers("95 % interval"))
            ),
        ),
        [
            (
                word(letter),
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
    return [recall, *(_confusion(train_on, counts) for train_on, counts in told.items())]


def _confusion(train_on: str, counts: Counts) -> Table:
    return Table(
        f"confusion-{train_on}-table",
        f"Which letters are taken for which: clean test rows, trained on all {_TRAINED[train_on]}",
        (
            words("given", "the letter that the rows carry; beside it, how many were read as A to J"),
            *map(numbers, LETTERS),
        ),
        [(word(letter), *map(count, counts[label])) for label, letter in enumerate(LETTERS)],
    )


def _belongs(counts: Counts, train_on: str, metrics: pd.DataFrame) -> bool:
    """Tell whether the counts are of the very rows and hits that the table of accuracies tells of."""
    of_all = metrics[
        (metrics["train_on"] == train_on)
        & (metrics["train_rows"] == "all")
        & (metrics["eval_on"] == "test")
        & (metrics["eval_rows"] == "clean")
    ]
    told = [(int(row.rows), round(row.accuracy * row.rows)) for row in rows_of(of_all)]
    rows, right = int(counts.sum()), int(counts.trace())
    # Without a clean row there is no line in the table.
    return told == ([(rows, right)] if rows else [])
