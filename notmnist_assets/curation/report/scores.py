"""Builds the section about baselines: accuracy before and after sanitizing, learning curves, leak or selection."""

from collections.abc import Iterator
from typing import Final

import pandas as pd

from notmnist_assets.curation.baselines.evaluation import learning_curve, of_first_model
from notmnist_assets.curation.core.figures import line_chart
from notmnist_assets.curation.core.published import compare_accuracies
from notmnist_assets.curation.report import errors
from notmnist_assets.curation.report.blocks import (
    Block,
    Cell,
    Chart,
    Folded,
    Section,
    Summary,
    Table,
    count,
    estimate,
    interval,
    measure,
    number_column,
    rows_of,
    share,
    text_cell,
    text_column,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.splitting.splits import EVALUATION
from notmnist_assets.curation.summaries.results import metrics_summary
from notmnist_assets.curation.summaries.scores import leakage_summary


def baselines_section(data: ReportData) -> Section:
    """Show accuracies, learning curves, leak or selection, the assignment's models, and results by letter."""
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
                "evaluated rows", "raw: all rows; clean: sanitized rows; removed: rows that sanitizing removed"
            ),
            number_column("rows", "number of evaluated rows"),
            number_column("accuracy", "share of correct predictions"),
            number_column("95 % interval", "of the accuracy, bootstrap over duplicate groups"),
            number_column("groups", "duplicate groups of the evaluated rows"),
            number_column(
                "other samples",
                "mean accuracy and its standard deviation over fits on random samples of as many training rows",
            ),
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
                count(row.groups),
                Cell(f"{100 * row.mean:.1f} ± {100 * row.sd:.1f} %") if row.samples else Cell("-"),
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
        (
            Summary(metrics_summary(data.baselines)),
            _effect(metrics),
            *_leakage(data),
            *errors.by_letter(data),
            *errors.mistakes(data),
            Folded("Learning curves", list(_curves(metrics))),
            *_reference(data),
            Folded(table.caption, (table,)),
        ),
        gallery="mistakes",
    )


def _leakage(data: ReportData) -> Iterator[Block]:
    """Show why leaking rows score higher."""
    if data.leakage is None:
        return
    yield Summary(leakage_summary(data.leakage))
    if len(data.leakage):
        table = Table(
            "leakage-table",
            "Accuracy on the first row of each duplicate group, fitted with and without train rows that are in test",
            (
                text_column("model"),
                text_column("test rows"),
                text_column("fitted"),
                number_column("rows", "test rows"),
                number_column("groups", "their duplicate groups, of which one row each is scored"),
                number_column("accuracy", "or difference of accuracies"),
                number_column("95 % interval", "bootstrap over duplicate groups"),
                number_column("better", "groups that are right only with twins"),
                number_column("worse", "groups that are right only without twins"),
                number_column("p", "exact McNemar test of these groups"),
            ),
            [
                (
                    *map(text_cell, (row.model, row.scored, row.fitted)),
                    count(row.rows),
                    count(row.groups),
                    share(row.value),
                    interval(row.ci_low, row.ci_high),
                    *((count(row.improved), count(row.worsened)) if row.p_value >= 0 else (Cell("-"), Cell("-"))),
                    Cell(f"{row.p_value:.2g}", row.p_value) if row.p_value >= 0 else Cell("-"),
                )
                for row in rows_of(data.leakage)
            ],
        )
        yield Folded(table.caption, (table,))


def _reference(data: ReportData) -> Iterator[Block]:
    """Show the accuracies of the assignment's own models, and the published ones if they describe the same split."""
    if data.reference is None:
        return
    table = Table(
        "reference-table",
        "Accuracy of the assignment's own models on the split before sanitizing",
        (
            text_column("model"),
            text_column("training rows"),
            text_column("evaluated test rows", "unshared: image neither in train nor in valid; shared: the others"),
            number_column("rows"),
            number_column("accuracy"),
            number_column("95 % interval", "bootstrap over duplicate groups"),
            text_column("converged", "whether the fit converged within 100 steps"),
        ),
        [
            (
                *map(text_cell, (row.model, row.train_rows, row.eval_rows)),
                count(row.rows),
                share(row.accuracy, 2, bar=True),
                interval(row.ci_low, row.ci_high),
                text_cell("yes" if row.converged else "no"),
            )
            for row in rows_of(data.reference)
        ],
    )
    yield Folded(table.caption, (table,))
    if data.originals and data.published_splits:
        compared = compare_accuracies(data.reference)
        known = compared["compared"]
        table = Table(
            "published-accuracies-table",
            f"Published accuracies that agree: {int((known & compared['agrees']).sum())} of {int(known.sum())}",
            (
                text_column("model"),
                text_column("training rows"),
                text_column("evaluated test rows"),
                number_column("published"),
                number_column("found"),
                number_column("tolerance", "largest difference that counts as agreement"),
                text_column("agrees"),
                text_column("source", "where the published number comes from"),
            ),
            [
                (
                    *map(text_cell, (row.model, row.train_rows, row.eval_rows)),
                    *(measure(value, 4) for value in (row.published, row.found, row.tolerance)),
                    text_cell(("yes" if row.agrees else "no") if row.compared else "not compared"),
                    text_cell(row.source),
                )
                for row in rows_of(compared)
            ],
        )
        yield Folded(table.caption, (table,))


def _effect(metrics: pd.DataFrame) -> Table:
    full = metrics[metrics["train_rows"] == "all"]

    def accuracy(train_on: str, eval_on: str, eval_rows: str) -> Cell:
        wanted = (full["train_on"] == train_on) & (full["eval_on"] == eval_on) & (full["eval_rows"] == eval_rows)
        for row in rows_of(full[wanted]):
            return estimate(row.accuracy, row.ci_low, row.ci_high)
        return Cell("no rows")

    cases = (
        ("raw", "raw", "raw train, all rows", "trained on raw rows, evaluated on all rows"),
        ("raw", "removed", "raw train, removed rows", "the same model on the rows that sanitizing removed"),
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
_EVALUATED: Final = {"removed": "removed", "raw": "all", "clean": "clean"}


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
