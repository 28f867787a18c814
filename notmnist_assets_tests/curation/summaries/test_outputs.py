"""Summaries of exports, the report and the gallery."""

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.images import SIDE
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.summaries.outputs import export_summary, gallery_summary, report_summary
from notmnist_assets.curation.summaries.text import LONGEST
from notmnist_assets_tests.plain import plain_lines

OVERLAP = pd.DataFrame(
    [("exact", "test", "train", 0.0201), ("near", "test", "train", 0.0462)],
    columns=["method", "rows_of", "found_in", "share"],
)
METRICS = pd.DataFrame(
    [
        ("logistic_regression", "raw", "all", "test", "raw", 0.8934),
        ("logistic_regression", "sanitized", "all", "test", "clean", 0.85),
        ("logistic_regression", "sanitized", "50", "test", "clean", 0.5),
    ],
    columns=["model", "train_on", "train_rows", "eval_on", "eval_rows", "accuracy"],
)


def text_of(summary: str) -> str:
    assert len(summary) < LONGEST
    assert summary.splitlines()[0].count("**") == 2, "the number that matters is in bold"
    return "\n".join(plain_lines(summary))


def split_of(rows: int) -> Split:
    sources = pd.DataFrame({column: ["x"] * rows for column in ("set", "letter", "name", "font")})
    return Split(np.zeros((rows, SIDE, SIDE), np.uint8), np.zeros(rows, np.int32), sources)


def test_an_export_says_what_it_contains_and_whether_it_leaks() -> None:
    splits = {"train": split_of(30), "valid": split_of(2), "test": split_of(3)}
    leaking = text_of(export_summary("pickle", splits, "notMNIST.pickle", leaks=True))
    assert "notMNIST.pickle, with 35 rows: 30 of splits/train, 2 of splits/valid, 3 of splits/test." in leaking
    assert "Its splits share images" in leaking
    clean = text_of(export_summary("npz", splits, "notMNIST.npz", leaks=False))
    assert "No image is in two of its splits" in clean
    assert "notmnist export npz DEST" in clean


def test_the_report_says_leaks_removed_rows_accuracy_and_rejected_files() -> None:
    rows, left = {"train": 90, "valid": 5, "test": 5}, {"train": 85, "valid": 4, "test": 4}
    rejected = pd.Series(["empty file"], dtype="str")
    text = text_of(report_summary(rows, left, OVERLAP, rejected, 100, {"large": 0, "small": 2}, METRICS))
    assert "4.62 % of the test rows are also in train as a near duplicate, 2.01 % with equal pixels" in text
    assert "Sanitizing removes 7 rows of 100 (7 %; sanitized/removed)." in text
    assert "on test: 89.3 % trained and evaluated on all rows, 85 % trained and evaluated on sanitized rows" in text
    assert "Rejected: 1 file (1 %): empty file (1). Not directly in a folder A to J" in text


def test_the_gallery_says_what_it_leaves_out() -> None:
    counts = {"pairs": 3, "groups": 2}
    assert "5 items to browse: 3 pairs across splits, 2 duplicate groups." in text_of(gallery_summary(counts, counts))
    assert "10 items. It shows the first" in text_of(gallery_summary({"pairs": 3}, {"pairs": 13}))
