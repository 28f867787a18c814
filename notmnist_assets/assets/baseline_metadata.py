"""Describes `baselines/metrics` in its metadata: numbers, learning curve, tables and pictures by letter."""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.curation.baselines.confusion import (
    Counts,
    confusion_counts,
    confusion_table,
    scores_by_letter,
    weight_exhibits,
)
from notmnist_assets.curation.baselines.evaluation import Baselines, learning_curve
from notmnist_assets.curation.baselines.scoring import accuracy_samples, most_frequent_image
from notmnist_assets.curation.core.exhibits import Exhibit
from notmnist_assets.curation.core.figures import Panel, Points, confusion_charts, plot_panels
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.intervals import percentile_interval
from notmnist_assets.curation.core.statistics import label_counts
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.summaries.results import metrics_summary
from notmnist_assets.curation.summaries.text import percent, percent_range
from notmnist_assets.metadata.display import asset_page, exhibits, picture, table

_SHOWN = (
    "model",
    "train_on",
    "train_rows",
    "eval_on",
    "eval_rows",
    "accuracy",
    "ci_low",
    "ci_high",
    "rows",
    "groups",
    "converged",
)
"""Columns of the table in the UI, so that it is narrow enough; the value has all columns."""

_CONFUSION: Final = "confusion_"
_CONFUSION_COLUMNS: Final = {
    "letter": "letter of the label; the other columns count its clean test rows by predicted letter",
}
TRAINED: Final = ("raw", "sanitized")
SCORED: Final = "test_rows"
"""Label of the table of the rows and groups of each part of test."""
_SCORED_COLUMNS: Final = {
    "test": "raw: all rows; clean: rows left after sanitizing; removed: rows that it removed",
    "rows": "rows of the part",
    "groups": "duplicate groups of these rows",
}
_SHARES: Final = ("recall", "precision")
_BY_LETTER_COLUMNS: Final = {
    "letter": "letter of the label",
    "rows": "clean test rows of the letter",
    **{
        column: text
        for trained in TRAINED
        for column, text in (
            (f"{trained}_recall", f"share of these rows that the model trained on all {trained} rows reads right"),
            (f"{trained}_precision", "share of right ones among the clean test rows that it reads as the letter"),
        )
    },
}
EVALUATED: Final = "test"
_CURVES: Final = {"removed": "removed", "raw": "all", "clean": "clean"}
"""Names of the lines of the learning curve by evaluated rows."""


def metrics_metadata(
    fitted: Baselines,
    model: str,
    raw: Mapping[str, Split],
    columns: Mapping[str, str | None],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the numbers, tables and pictures of a model.

    Args:
        fitted: all models and their accuracies.
        model: name of the model.
        raw: the splits before sanitizing.
        columns: descriptions of the columns of the table of accuracies.
        facts: texts and flags to show, by label.
    """
    found = fitted.metrics
    first = found[found["model"] == model]
    full = first[(first["train_rows"] == "all") & (first["eval_on"] == EVALUATED)]
    scored = full[full["train_on"] == "raw"].rename(columns={"eval_rows": "test"})[list(_SCORED_COLUMNS)]
    counts = _confusions(fitted, model, raw[EVALUATED])
    most_rows_first = found.sort_values(["fitted_rows", "eval_on"], ascending=[False, True], kind="stable")
    return asset_page(
        metrics_summary(found, _removed_rows(fitted, model, raw[EVALUATED])),
        picture={
            "learning_curve": picture(
                _curve(first),
                "accuracy on test by number of training rows, with 95 % intervals: on the rows that sanitizing"
                " removed, on all rows, and on the clean rows; baselines/leakage says why it is higher on removed"
                " rows",
            )
        },
        numbers={
            accuracy_label(train_on, rows): 100 * accuracy
            for train_on, rows, accuracy in zip(full["train_on"], full["eval_rows"], full["accuracy"], strict=True)
        },
        facts={"all_converged": bool(found["converged"].all()), **facts},
        tables={
            "metrics": table(
                most_rows_first[list(_SHOWN)],
                columns,
                shares=("accuracy",),
                intervals={"interval": ("ci_low", "ci_high")},
            ),
            SCORED: table(scored, _SCORED_COLUMNS),
            "by_letter": _by_letter(counts),
            **{
                f"{_CONFUSION}{trained}": table(confusion_table(counted), _CONFUSION_COLUMNS)
                for trained, counted in counts.items()
            },
        },
        pictures={
            "confusion": picture(
                confusion_charts(
                    {f"trained on {trained} rows": counted for trained, counted in counts.items()}, LETTERS
                ),
                "clean test rows by label and predicted letter, of the models trained on all rows; shaded by the square"
                " root of the share of the row",
            ),
            "weights": exhibits(
                [
                    Exhibit(f"{exhibit.caption}, all", exhibit.images)
                    for exhibit in weight_exhibits(fitted.models[model, "sanitized", "all"].estimator)
                ],
                "weights of each letter, trained on all sanitized rows: light pixels speak for the"
                " letter, dark ones against it. With many rows and C = 1, neighbouring weights differ in sign and look"
                " like noise",
                per_line=len(LETTERS),
            ),
        },
    )


def accuracy_label(train_on: str, rows: str) -> str:
    """Return the metadata label of the accuracy of the model of all `train_on` rows on a part of test."""
    return f"accuracy (%): {train_on}, test {rows}"


def _removed_rows(fitted: Baselines, model: str, test: Split) -> str:
    """Return in words how many of the removed test rows are one image, and the accuracy without them."""
    removed = ~fitted.clean[EVALUATED]
    if not removed.any():
        return ""
    of_one = most_frequent_image(test.images, removed)
    counts = label_counts(test.labels[of_one])
    letters = ", ".join(f"{LETTERS[label]} {counts[label]}" for label in np.flatnonzero(counts))
    groups = fitted.groups[EVALUATED]
    others = removed & ~of_one
    right = fitted.models[model, "raw", "all"].predicted[EVALUATED] == test.labels
    text = (
        f"{removed.sum():,} test rows were removed, in {len(np.unique(groups[removed])):,} duplicate groups;"
        f" {of_one.sum():,} of them are one image (labels: {letters})."
    )
    if others.any():
        share = right[others].mean()
        low, high = percentile_interval(accuracy_samples(right[others, None], groups[others]), share)
        text += (
            f" On the other {others.sum():,}, the model of all raw rows is right on {percent(share)}"
            f" ({percent_range(low[0], high[0])})."
        )
    return text


def _confusions(fitted: Baselines, model: str, test: Split) -> dict[str, Counts]:
    """Return the confusion of letters by the models trained on all rows, on the clean test rows."""
    clean = fitted.clean[EVALUATED]
    return {
        trained: confusion_counts(test.labels[clean], fitted.models[model, trained, "all"].predicted[EVALUATED][clean])
        for trained in TRAINED
    }


def _by_letter(counts: Mapping[str, Counts]) -> dg.TableMetadataValue:
    """Return recall and precision of each letter as a table."""
    scores = {trained: scores_by_letter(counted) for trained, counted in counts.items()}
    shown = scores["raw"][["letter", "rows"]].copy()
    names = [f"{trained}_{share}" for trained in TRAINED for share in _SHARES]
    for trained, scored in scores.items():
        for share in _SHARES:
            for end in ("", "_low", "_high"):
                shown[f"{trained}_{share}{end}"] = scored[f"{share}{end}"]
    return table(
        shown,
        _BY_LETTER_COLUMNS,
        shares=names,
        intervals={f"{name}_95": (f"{name}_low", f"{name}_high") for name in names},
    )


def _curve(found: pd.DataFrame) -> bytes:
    """Plot accuracies on removed, all and clean test rows, one panel for raw and one for sanitized training rows."""
    points = learning_curve(found)
    points = points[points["eval_on"] == EVALUATED]
    shown = []
    for train_on, part in points.groupby("train_on", sort=True):
        lines = [
            Points(name, *(rows[column].tolist() for column in ("train_rows", "accuracy", "ci_low", "ci_high")))
            for kind, name in _CURVES.items()
            if len(rows := part[part["eval_rows"] == kind])
        ]
        sizes = sorted(part["train_rows"].unique().tolist())
        ticks = {size: f"{size:,}" for size in sizes[:-1]} | {sizes[-1]: "all"}
        shown.append(Panel(f"trained on {train_on} rows", lines, ticks))
    return plot_panels(shown, x_label="training rows", y_label="accuracy on test")


def recorded_confusions(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Counts]:
    """Return the confusion matrices in the metadata of the last materialization.

    Returns:
        By training rows, `raw` and `sanitized`: int64 (10, 10), clean test rows by label and predicted label. Empty if
        they were not recorded.
    """
    event = instance.get_latest_materialization_event(key)
    materialization = event.asset_materialization if event else None
    recorded: Mapping[str, object] = materialization.metadata if materialization else {}
    return {
        label.removeprefix(_CONFUSION): np.array(
            [[record.data[letter] for letter in LETTERS] for record in value.records], np.int64
        )
        for label, value in recorded.items()
        if label.startswith(_CONFUSION) and isinstance(value, dg.TableMetadataValue)
    }
