"""Summaries of wrong predictions, of leakage, and of the assignment's own models."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from notmnist_assets.curation.baselines.leakage import CHANGE, DIFFERENCE, TWINS, WITH, WITHOUT, values_of
from notmnist_assets.curation.baselines.nearest import NEAREST_NEIGHBOUR
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.summaries.text import asset_link, bold, outside_text, percent, summary


def mistakes_summary(mistakes: pd.DataFrame, rows: Mapping[str, int]) -> str:
    """Say how many rows are predicted wrongly.

    Args:
        mistakes: the wrong predictions, as `baselines.confusion.confident_mistakes` returns them.
        rows: rows of each evaluated split.
    """
    by_split = mistakes["split"].value_counts()
    return summary(
        f"{bold(counted(len(mistakes), 'wrong prediction'))}: "
        + ", ".join(
            f"{int(by_split.get(name, 0)):,} of {counted(number, 'row')} of {asset_link(f'splits/{name}', name)}"
            for name, number in rows.items()
        )
        + ".",
        "The most confident ones come first: the label may be wrong, or the image hard to read.",
        f"Next: look at the pictures, or browse all in {asset_link('report/gallery')}. {asset_link('labels/issues')}"
        " judges every label by models that were not fitted on it.",
    )


def leakage_summary(table: pd.DataFrame) -> str:
    """Answer whether leaking rows score higher because of memory or of selection.

    Args:
        table: the result of `baselines.leakage.leakage_table`.
    """
    if table.empty:
        return summary("No test row has a twin in train, or all have one: there is nothing to compare.")
    model = str(table["model"].iloc[0])
    name = outside_text(model.replace("_", " "))
    rows = values_of(table, model)
    twins, change = rows[TWINS, WITH], rows[TWINS, CHANGE]
    control = values_of(table, NEAREST_NEIGHBOUR)[TWINS, CHANGE]
    return summary(
        f"{bold(f'{twins.rows:,} test rows')} have a twin in train; they are"
        f" {counted(twins.groups, 'duplicate group')}, and each"
        f" counts once. {name[:1].upper() + name[1:]} reads {percent(twins.value)} of them right,"
        f" {_points(rows[DIFFERENCE, WITH])} more than of the other rows.",
        f"Memory: fitted without the twins, it loses {bold(_points(change))} (exact McNemar test:"
        f" {counted(change.improved, 'group')} right only with twins, {change.worsened} only without,"
        f" p = {change.p_value:.2g}).",
        f"Selection: {_points(rows[DIFFERENCE, WITHOUT])} are left without twins, because these images are easier.",
        f"Positive control: the nearest neighbour, which remembers every image, loses {_points(control)}.",
        f"Next: report the score on {asset_link('sanitized/test')}.",
    )


def reference_summary(found: pd.DataFrame, *, compared: bool) -> str:
    """Say how accurate the assignment's own models are on all test rows.

    Args:
        found: the result of `baselines.reference.reference_table`.
        compared: whether the data, sizes and seed are those of the published accuracies.
    """
    if found.empty:
        return summary("Train has too few rows for the models of the assignment, which are fitted on 50 and more.")
    every = found[found["eval_rows"] == "raw"]
    best = every.loc[every.groupby("model", sort=True)["accuracy"].idxmax()]
    lines = [
        f"{percent(accuracy)} by {outside_text(model.replace('_', ' '))} with {rows} rows"
        for model, accuracy, rows in zip(
            *(best[column].tolist() for column in ("model", "accuracy", "train_rows")), strict=True
        )
    ]
    return summary(
        f"{'; '.join([bold(lines[0]), *lines[1:]])}: accuracy of the assignment's own models on all test rows, at their"
        " best number of training rows.",
        "The table `published` compares them with published accuracies."
        if compared
        else "Published accuracies are of the originals, so they are compared with the profile full only.",
        f"Next: compare with the models of {asset_link('baselines/metrics')}.",
    )


def _points(row: Any) -> str:
    return f"{100 * row.value:.1f} points ({100 * row.ci_low:.1f} to {100 * row.ci_high:.1f})"
