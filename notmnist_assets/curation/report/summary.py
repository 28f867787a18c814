"""Builds the first section: the main numbers."""

from typing import Final

import numpy as np
import pandas as pd

from notmnist_assets.curation.baselines.evaluation import of_first_model
from notmnist_assets.curation.baselines.scoring import most_frequent_image
from notmnist_assets.curation.reading.files import OUTSIDE, file_counts, other_files, rejected_files
from notmnist_assets.curation.report.blocks import (
    Block,
    Fact,
    Facts,
    Notice,
    Section,
    Summary,
    count,
    rows_of,
    share,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.sanitizing.thinning import most_thinned, rows_lost_to_sanitizing
from notmnist_assets.curation.summaries.outputs import report_summary

_INCONSISTENT: Final = (
    "Do not rely on this page: its values are inconsistent. Materialize what is stale, then this page: notmnist run,"
    " then notmnist run report/html"
)


def summary_section(data: ReportData) -> Section:
    """Show the main numbers, and a warning if the values are inconsistent."""
    files = file_counts(data.files)
    images, rejected = int(files["images"].sum()), int(files["rejected"].sum())
    raw = sum(len(split) for split in data.splits.values())
    left = sum(len(split) for split in data.sanitized.values())
    test_in_train = data.overlap[(data.overlap["rows_of"] == "test") & (data.overlap["found_in"] == "train")]
    facts = [
        Fact("images", count(images), "readable 28x28 gray images in both archives"),
        Fact("rejected files", count(rejected), "files in the archives that are not readable 28x28 gray images"),
        Fact("rows", count(raw), "rows of train, valid and test before sanitizing"),
        Fact("sanitized rows", count(left), "rows of train, valid and test after sanitizing"),
        *(
            Fact(
                f"test in train, {row.method}",
                share(row.share, 2),
                "share of test rows whose image is also in train by this method",
            )
            for row in rows_of(test_in_train[test_in_train["method"] != "cells"])
        ),
        *_accuracies(data.baselines),
        *_removed_test_rows(data),
    ]
    notices = [Notice("disagreements", _INCONSISTENT, data.disagreements)] if data.disagreements else []
    blocks: tuple[Block, ...] = (*notices, Summary(summary_of(data)), Facts("summary-facts", facts))
    return Section("summary", "Summary", data.origin, blocks)


def summary_of(data: ReportData) -> str:
    """Return the main results as the summary of the report."""
    rejected = rejected_files(data.files)["outcome"]
    return report_summary(
        {name: len(split) for name, split in data.splits.items()},
        {name: len(split) for name, split in data.sanitized.items()},
        data.overlap,
        rejected,
        int(file_counts(data.files)["images"].sum()) + len(rejected),
        other_files(data.files, OUTSIDE),
        data.baselines,
        most_thinned(rows_lost_to_sanitizing(data.splits["test"], data.removed, "test")),
    )


def _removed_test_rows(data: ReportData) -> list[Fact]:
    """Return how many of the removed test rows are one image: accuracies on them say little about other images."""
    test, first = data.splits["test"], of_first_model(data.baselines)
    removed = np.zeros(len(test), np.bool_)
    removed[data.removed.loc[data.removed["split"] == "test", "row"]] = True
    scored = first[(first["eval_on"] == "test") & (first["eval_rows"] == "removed")]
    if not removed.any() or scored.empty:
        return []
    of_one = int(most_frequent_image(test.images, removed).sum())
    about = f"of {removed.sum():,} removed test rows in {scored['groups'].iloc[0]:,} duplicate groups"
    return [Fact("removed test rows of one image", count(of_one), about)]


def _accuracies(metrics: pd.DataFrame) -> list[Fact]:
    first = of_first_model(metrics)
    full = first[(first["train_rows"] == "all") & (first["eval_on"] == "test")]
    texts = {
        ("raw", "raw"): (
            "test accuracy, raw",
            "logistic regression, trained and evaluated on all rows",
        ),
        ("sanitized", "clean"): (
            "test accuracy, clean",
            "logistic regression, trained and evaluated on sanitized rows",
        ),
    }
    return [
        Fact(name, share(row.accuracy), about)
        for key, (name, about) in texts.items()
        for row in rows_of(full[(full["train_on"] == key[0]) & (full["eval_rows"] == key[1])])
    ]
