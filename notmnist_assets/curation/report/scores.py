"""What a simple model scores, and what sanitizing changes of it.

Belongs here: the section of the baselines. Fitting and scoring are in `baselines`.
"""

import pandas as pd

from notmnist_assets.curation.baselines import learning_curve
from notmnist_assets.curation.report.blocks import (
    Cell,
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
from notmnist_assets.curation.report.chart import Chart, Line
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.splits import EVALUATION


def baselines_section(data: ReportData) -> Section:
    """Tell what a linear model scores, and what sanitizing changes."""
    metrics = data.baselines
    table = Table(
        "baselines-table",
        "Accuracy of logistic regression",
        (
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
                word(row.train_on),
                count(int(row.train_rows)) if str(row.train_rows).isdigit() else word(row.train_rows),
                word(row.eval_on),
                word(row.eval_rows),
                count(row.rows),
                share(row.accuracy, bar=True),
                interval(row.ci_low, row.ci_high),
                word("yes" if row.converged else "no"),
            )
            for row in rows_of(metrics)
        ],
    )
    return Section(
        "baselines",
        "What a simple model scores",
        "Logistic regression was trained on growing parts of the training split, raw and sanitized, and scored on valid"
        " and test. No training row is ever scored.",
        (_effect(metrics), _curve(metrics), table),
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


def _curve(metrics: pd.DataFrame) -> Chart:
    points = learning_curve(metrics)
    points = points[(points["eval_on"] == "test") & (points["eval_rows"] != "duplicates")]
    return Chart(
        "Learning curve",
        "Line chart of accuracy on test by number of training rows, for raw and sanitized training and test rows",
        "Accuracy on test by training rows, with 95 % intervals as bands.",
        [
            Line(
                f"{train_on} train, {eval_rows} test",
                part["train_rows"].tolist(),
                *((part[name] * 100).tolist() for name in ("accuracy", "ci_low", "ci_high")),
            )
            for (train_on, eval_rows), part in points.groupby(["train_on", "eval_rows"])
        ],
        "training rows",
        "% read right",
        log_x=True,
    )
