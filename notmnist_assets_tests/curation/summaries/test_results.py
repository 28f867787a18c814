"""Summaries of duplicates, clean splits and baselines."""

import pandas as pd

from notmnist_assets.curation.summaries.results import (
    clean_summary,
    conflicts_summary,
    issues_summary,
    metrics_summary,
    near_pairs_summary,
    overlap_summary,
    radius_summary,
    recall_summary,
    removed_summary,
)
from notmnist_assets.curation.summaries.text import LONGEST, spans
from notmnist_assets_tests.plain import plain_lines


def text_of(summary: str) -> str:
    assert len(summary) < LONGEST
    assert [span.style for span in next(spans(summary))].count("bold") == 1, "the number that matters"
    lines = plain_lines(summary)
    assert 3 <= len(lines) <= 5
    return "\n".join(lines)


def test_the_overlap_says_which_share_of_the_evaluation_rows_leaks() -> None:
    counts = pd.DataFrame(
        [
            ("exact", "test", "train", 30, 0.0201),
            ("near", "test", "train", 69, 0.0462),
            ("exact", "valid", "train", 3, 0.002),
            ("near", "valid", "train", 5, 0.0033),
        ],
        columns=["method", "rows_of", "found_in", "rows", "share"],
    )
    text = text_of(overlap_summary(counts, 5.0, pd.DataFrame({"rows_of": ["test"], "share": [0.5]})))
    assert "4.62 % of the test rows (69) are also in train within the radius 5; 2.01 % (30) with equal pixels." in text
    assert "Of the valid rows: 0.33 % (5) and 0.2 % (3)." in text
    assert "50 % of the test rows are of fonts that also have letters in train." in text


def test_the_radius_says_how_it_was_chosen_and_what_is_within_it() -> None:
    curve = pd.DataFrame({"radius": [1.0, 2.0, 3.0], "pairs": [5, 1_200, 9_000], "share": [0.0, 0.0123, 0.5]})
    text = text_of(radius_summary(curve, 2.0, "the fallback"))
    assert "Images at most 2 apart count as near duplicates" in text
    assert "How it was chosen: the fallback." in text
    assert "1,200 pairs of distinct images are within it; 1.23 % of them have different letters." in text
    assert "1 image of these were new" not in text_of(near_pairs_summary(7, 100, 0, 12.0))
    assert "3 images of these were new" in text_of(near_pairs_summary(7, 100, 97, 12.0))


def test_conflicts_are_counted_by_method() -> None:
    found = pd.DataFrame({"method": ["exact"] * 4 + ["near"] * 3, "group": [1, 1, 2, 2, 1, 1, 1]})
    assert "2 groups of equal images and 1 group of near images have different letters." in text_of(
        conflicts_summary(found)
    )
    assert "No image was found under two letters." in text_of(conflicts_summary(found.head(0)))


def test_recall_says_what_is_missed() -> None:
    found = pd.DataFrame(
        [("near", "shift", 1.0, 10, 2, 0.2), ("near", "noise", 2.0, 10, 10, 1.0), ("exact", "shift", 1.0, 20, 0, 0.0)],
        columns=["method", "perturbation", "strength", "planted", "found", "recall"],
    )
    text = text_of(recall_summary(found, 5.0))
    assert "The search within the radius 5 finds 60 % of the planted copies." in text
    assert "Other methods: exact 0 %." in text
    assert "Hardest for it: shift 1 (20 % found)." in text


def test_removed_rows_are_counted_by_split_and_reason() -> None:
    removed = pd.DataFrame({"split": ["test", "test", "train"], "reason": ["repeat", "also in train", "repeat"]})
    text = text_of(removed_summary({"train": 100, "valid": 50, "test": 50}, removed))
    assert "3 rows of 200 (1.5 %) were removed: 1 of train, 0 of valid, 2 of test." in text
    assert "Reasons: repeat (2), also in train (1)." in text
    clean = text_of(clean_summary("sanitized", "test", 48, 50, "Leaks are removed."))
    assert "48 rows, 2 fewer than splits/test has." in clean
    assert "none of its images is in train or valid." in clean
    assert 'load_split("grouped/train")' in text_of(clean_summary("grouped", "train", 50, 50, "Groups stay together."))


def test_doubtful_labels_are_counted_by_kind() -> None:
    kinds = pd.Series(["none", "wrong label", "none", "wrong label", "blank"], dtype="str")
    rates = pd.DataFrame({"set": ["large", "small"], "wrong": [0.065, 0.005]})
    text = text_of(issues_summary(kinds, rates, "none", 0.1))
    assert "3 labels of 5 are doubtful: a quality below 0.1" in text
    assert "Kinds: wrong label (2), blank (1)." in text
    assert "Estimated share of wrong labels: 6.5 % in large, 0.5 % in small." in text


def test_accuracies_are_compared_with_and_without_leaks() -> None:
    rows = [("raw", "raw", 0.8934), ("raw", "clean", 0.8500), ("raw", "removed", 0.97), ("sanitized", "clean", 0.86)]
    metrics = pd.DataFrame(rows, columns=["train_on", "eval_rows", "accuracy"]).assign(
        model="logistic_regression", train_rows="all", eval_on="test"
    )
    text = text_of(metrics_summary(metrics))
    assert "logistic regression reads 89.3 % of the test rows right, and 85 % of the clean ones" in text
    assert "leaks change the score by 4.3 points" in text
    assert "Of the removed test rows it reads 97 % right." in text
    without_clean_rows = text_of(metrics_summary(metrics[metrics["eval_rows"] != "clean"]))
    assert "89.3 % of the test rows right, and none is clean, so the effect of leaks is unknown." in without_clean_rows
    assert "sanitized rows, it reads" not in without_clean_rows
