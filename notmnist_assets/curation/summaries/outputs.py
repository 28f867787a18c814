"""Summaries of exports, the report and the gallery."""

from collections.abc import Mapping

import pandas as pd

from notmnist_assets.curation.baselines.evaluation import of_first_model
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.summaries.inputs import outside_in_words, rejected_in_words
from notmnist_assets.curation.summaries.text import asset_link, bold, outside_text, percent, summary


def export_summary(name: str, splits: Mapping[str, Split], what: str, *, leaks: bool) -> str:
    """Say what an export contains and how to copy it.

    Args:
        name: the export, such as `npz`.
        splits: the splits in it.
        what: the files in a few words, such as `notMNIST.npz for NumPy`.
        leaks: whether these are the splits before sanitizing, which share images.
    """
    rows = sum(map(len, splits.values()))
    group = "splits" if leaks else "sanitized"
    by_split = ", ".join(
        f"{len(split):,} of {asset_link(f'{group}/{split_name}')}" for split_name, split in splits.items()
    )
    return summary(
        f"{what}, with {bold(counted(rows, 'row'))}: {by_split}.",
        f"Its splits share images ({asset_link('overlap/report')}), as those of the assignment's own file do; the"
        f" exports {asset_link('exports/npz', 'npz')}, {asset_link('exports/idx', 'idx')} and"
        f" {asset_link('exports/parquet', 'parquet')} do not."
        if leaks
        else f"No image is in two of its splits; {asset_link('sanitized/removed')} lists the rows that were removed.",
        f"Copy it: `notmnist export {name} DEST`.",
    )


def gallery_summary(shown: Mapping[str, int], total: Mapping[str, int]) -> str:
    """Say what can be browsed, and what is left out.

    Args:
        shown: items on the page by kind.
        total: items by kind before a selection.
    """
    left_out = sum(total.values()) - sum(shown.values())
    return summary(
        f"{bold(counted(sum(shown.values()), 'item'))} to browse: "
        + ", ".join(f"{count:,} {_KINDS.get(kind, kind)}" for kind, count in shown.items())
        + ".",
        f"Left out, because the page has a limited size: {counted(left_out, 'item')}. It shows the first and a sample."
        if left_out
        else "Nothing is left out.",
        "A click on an image shows its row, its neighbors and why it was removed; a selection downloads as CSV.",
        "Open it: `notmnist gallery`. Selected rows become a list for `NOTMNIST_OVERRIDES`.",
    )


def report_summary(
    rows: Mapping[str, int],
    sanitized: Mapping[str, int],
    overlap: pd.DataFrame,
    rejected: "pd.Series[str]",
    files: int,
    outside: Mapping[str, int],
    metrics: pd.DataFrame,
    thinned: str = "",
) -> str:
    """Say the main results of the whole flow: leaks, removed rows, rejected files, accuracy with and without leaks.

    Args:
        rows: rows of the splits before sanitizing.
        sanitized: rows of the sanitized splits.
        overlap: the result of `duplicates.overlap.overlap_report`.
        rejected: the reason of each rejected file.
        files: files of the letters, readable or not.
        outside: files outside the letters, by set.
        metrics: the accuracies.
        thinned: the letter that lost the largest share of its test rows, empty if unknown.
    """
    shares = overlap.set_index(["method", "rows_of", "found_in"])["share"]
    removed = sum(rows.values()) - sum(sanitized.values())
    return summary(
        f"{bold(percent(float(shares['near', 'test', 'train'])))} of the test rows are also in train as a near"
        f" duplicate, {percent(float(shares['exact', 'test', 'train']))} with equal pixels"
        f" ({asset_link('overlap/report')}).",
        f"Sanitizing removes {counted(removed, 'row')} of {sum(rows.values()):,}"
        f" ({percent(removed / max(sum(rows.values()), 1))}; {asset_link('sanitized/removed')})."
        + (f" The letter that loses the largest share of its test rows: {outside_text(thinned)}." if thinned else ""),
        _accuracy_in_words(metrics),
        f"{rejected_in_words(rejected, files)} {outside_in_words(outside)} ({asset_link('letters/files')})",
        "Copy the whole page for a reviewer: `notmnist report DEST`.",
    )


def _accuracy_in_words(metrics: pd.DataFrame) -> str:
    first = of_first_model(metrics)
    full = first[(first["train_rows"] == "all") & (first["eval_on"] == "test")]
    found = full.set_index(["train_on", "eval_rows"])["accuracy"]
    known = [(words, key) for words, key in _ACCURACIES.items() if key in found.index]
    if not known:
        return ""
    values = ", ".join(f"{percent(float(found[key]))} {words}" for words, key in known)
    return f"Accuracy of logistic regression on test: {values} ({asset_link('baselines/metrics')})."


_KINDS = {
    "pairs": "pairs across splits",
    "removed": "removed rows",
    "groups": "duplicate groups",
    "conflicts": "groups with different letters",
    "issues": "label issues",
    "mistakes": "confident mistakes",
    "rejected": "rejected files",
}
_ACCURACIES = {
    "trained and evaluated on all rows": ("raw", "raw"),
    "trained and evaluated on sanitized rows": ("sanitized", "clean"),
}
