"""The main numbers, first on the page.

Belongs here: picking them. What they rest on is in the other sections.
"""

from typing import Final

import pandas as pd

from notmnist_assets.curation.baselines.evaluation import of_first_model
from notmnist_assets.curation.reading.files import file_counts
from notmnist_assets.curation.report.blocks import Fact, Facts, Notice, Section, count, rows_of, share
from notmnist_assets.curation.report.data import ReportData

_DISAGREE: Final = (
    "Do not rely on this page: it tells of values that do not belong together. Make again what is out of date, then"
    " this page: notmnist run, then notmnist run report/html"
)


def summary_section(data: ReportData) -> Section:
    """Tell the main numbers first."""
    files = file_counts(data.files)
    images, rejected = int(files["images"].sum()), int(files["rejected"].sum())
    drawn = sum(len(split) for split in data.splits.values())
    left = sum(len(split) for split in data.sanitized.values())
    test_in_train = data.overlap[(data.overlap["rows_of"] == "test") & (data.overlap["found_in"] == "train")]
    facts = [
        Fact("images", count(images), "readable pictures of letters in both archives"),
        Fact("rejected files", count(rejected), "files in the archives that are no readable picture"),
        Fact("rows as drawn", count(drawn), "rows of train, valid and test together"),
        Fact("rows left", count(left), "rows after sanitizing"),
        *(
            Fact(
                f"test in train, {row.method}",
                share(row.share, 2),
                "share of test rows whose image, by this method, is also in train",
            )
            for row in rows_of(test_in_train[test_in_train["method"] != "cells"])
        ),
        *_accuracies(data.baselines),
    ]
    notices = [Notice("disagreements", _DISAGREE, data.disagreements)] if data.disagreements else []
    return Section("summary", "In short", data.origin, (*notices, Facts("summary-facts", facts)))


def _accuracies(metrics: pd.DataFrame) -> list[Fact]:
    first = of_first_model(metrics)
    full = first[(first["train_rows"] == "all") & (first["eval_on"] == "test")]
    texts = {
        ("raw", "raw"): ("test accuracy, raw", "logistic regression trained and scored on the rows as drawn"),
        ("sanitized", "clean"): ("test accuracy, clean", "trained and scored on what sanitizing left"),
    }
    return [
        Fact(name, share(row.accuracy), about)
        for key, (name, about) in texts.items()
        for row in rows_of(full[(full["train_on"] == key[0]) & (full["eval_rows"] == key[1])])
    ]
