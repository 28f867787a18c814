"""Small values for the report, computed by the library from splits with planted duplicates."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from notmnist_assets.curation.baselines.evaluation import METRIC_COLUMNS
from notmnist_assets.curation.baselines.leakage import (
    CHANGE,
    DIFFERENCE,
    LEAKAGE_COLUMNS,
    OTHERS,
    TWINS,
    WITH,
    WITHOUT,
)
from notmnist_assets.curation.baselines.nearest import NEAREST_NEIGHBOUR
from notmnist_assets.curation.baselines.reference import REFERENCE_COLUMNS
from notmnist_assets.curation.core.images import LETTERS, SETS, Images
from notmnist_assets.curation.core.published import LBFGS, LIBLINEAR
from notmnist_assets.curation.core.values import Archive, LetterImages, Split
from notmnist_assets.curation.duplicates.overlap import label_conflicts, overlap_report
from notmnist_assets.curation.duplicates.pair_table import radius_table, search_near
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.labels.error_rates import AUTHOR
from notmnist_assets.curation.labels.issues import NO_ISSUE, WRONG_LABEL
from notmnist_assets.curation.reading.files import files_table
from notmnist_assets.curation.report.data import ReportData, ReportSetting
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets_tests.builders import World, drawing, letters_of, split_of

SCRIPT = "<script>alert(1)</script>"
BREAKOUT = '"><img src=x onerror=alert(1)>'
RADIUS = 0.2
_ESTIMATE = {"": 0.02, "_low": 0.01, "_high": 0.03}


def shared_splits(font: str = "a font.ttf") -> dict[str, Split]:
    """Return splits with leaking, nearly leaking and repeated images, and with conflicting letters."""
    near = [drawing(0, visible=step) for step in range(5)]
    twice = drawing(3)
    return {
        "train": split_of(np.stack([near[0], near[1], twice, twice]), [0, 0, 1, 2], [font] * 4),
        "valid": split_of(np.stack([near[2], near[4], drawing(2)]), [0, 0, 3], [font] * 3),
        "test": split_of(np.stack([twice, drawing(5), drawing(5), drawing(2)]), [1, 4, 4, 3], [font] * 4, "small"),
    }


def separate_splits() -> dict[str, Split]:
    """Return splits without duplicates."""
    return {
        "train": split_of(_images(0, 1), [0, 1]),
        "valid": split_of(_images(2, 3), [0, 1]),
        "test": split_of(_images(4, 5), [0, 1], name="small"),
    }


def empty_splits() -> dict[str, Split]:
    """Return splits without rows."""
    return {name: split_of(np.zeros((0, 28, 28), np.uint8), []) for name in ("train", "valid", "test")}


def _images(*numbers: int) -> Images:
    return np.stack([drawing(number) for number in numbers])


def metrics(accuracy: float = 0.87312345) -> pd.DataFrame:
    """Return a table of accuracies with the columns of `baseline_metrics`."""
    rows = [
        (
            *("logistic_regression", train_on, train_rows, fitted, eval_on, kind),
            *(400, 390, accuracy, 0.84, 0.9, samples, 0.5, 0.02, True, 1.5),
        )
        for train_on in ("raw", "sanitized")
        for train_rows, fitted, samples in (("50", 50, 10), ("all", 1000, 0))
        for eval_on in ("valid", "test")
        for kind in ("raw", "clean", "removed")
    ]
    return pd.DataFrame(rows, columns=list(METRIC_COLUMNS))


def leakage() -> pd.DataFrame:
    """Return a table of accuracies with and without twins."""
    values = {(TWINS, WITH): 0.95, (TWINS, WITHOUT): 0.91, (TWINS, CHANGE): 0.04, (OTHERS, WITH): 0.87}
    rows = [
        (model, scored, fitted, 40, 30, values.get((scored, fitted), 0.0), -0.01, 0.99, *tested)
        for model in ("logistic_regression", NEAREST_NEIGHBOUR)
        for scored in (TWINS, OTHERS, DIFFERENCE)
        for fitted in (WITH, WITHOUT, CHANGE)
        for tested in [(6, 1, 0.125) if fitted == CHANGE and scored != DIFFERENCE else (0, 0, np.nan)]
    ]
    return pd.DataFrame(rows, columns=list(LEAKAGE_COLUMNS))


def reference() -> pd.DataFrame:
    """Return accuracies of two models of the assignment."""
    rows = [
        (model, "50", 50, "raw", 400, 390, accuracy, 0.4, 0.6, True, 1.5)
        for model, accuracy in ((LIBLINEAR, 0.509), (LBFGS, 0.5))
    ]
    return pd.DataFrame(rows, columns=list(REFERENCE_COLUMNS))


def mistakes() -> pd.DataFrame:
    """Return two wrong predictions of rows of the shared splits."""
    rows = [("test", 0, "B", "C", 0.99), ("valid", 2, "D", "A", 0.5)]
    return pd.DataFrame(rows, columns=["split", "row", "label", "predicted", "probability"])


def recall() -> pd.DataFrame:
    """Return a recall table with one kind of change."""
    columns = ["perturbation", "strength", "method", "planted", "found", "recall", "ci_low", "ci_high"]
    rows = [("shift", 1.0, method, 500, 50, 0.1, 0.08, 0.13) for method in ("exact", "cells", "near", "phash_0")]
    return pd.DataFrame(rows, columns=columns).assign(median_distance=12.5)


def letters(rejected_name: str, reason: str) -> dict[str, dict[str, LetterImages]]:
    """Return three images of each letter, and a rejected file for A of the large set."""
    made = {name: letters_of(name, [3] * len(LETTERS), seed) for seed, name in enumerate(SETS)}
    rejected = pd.DataFrame({"name": [rejected_name], "bytes": [7], "reason": [reason]})
    made["large"]["A"] = replace(made["large"]["A"], rejected=rejected)
    return made


def issues(splits: dict[str, Split]) -> pd.DataFrame:
    """Return a table of label issues in which every second row of train has one."""
    parts = [
        one.sources.astype("str").assign(split=name, row=np.arange(len(one)), likely="B", label_quality=0.25)
        for name, one in splits.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    table["kind"] = np.where((table["split"] == "train") & (table["row"] % 2 == 0), WRONG_LABEL, NO_ISSUE)
    return table.assign(rank=np.arange(len(table)) + 1)


def rates() -> pd.DataFrame:
    """Return the estimated shares of wrong labels of both archives."""
    shares = {f"{name}{end}": value for name in ("doubted", "confident", "wrong") for end, value in _ESTIMATE.items()}
    return pd.DataFrame([{"set": name, "rows": 100, **shares, "author": AUTHOR[name]} for name in SETS])


def report_data(splits: dict[str, Split] | None = None, **changes: Any) -> ReportData:
    """Return the input of a page, computed from the splits."""
    splits = shared_splits() if splits is None else splits
    hashes = World(splits, RADIUS).hashes()
    pairs = search_near(RowIndex(hashes), splits, 5.0).pairs
    index = RowIndex(hashes, pairs, RADIUS)
    outcome = sanitize(index, Policy())
    data = ReportData(
        title="notMNIST report",
        origin="Made for a test.",
        originals=False,
        published_splits=False,
        settings=(ReportSetting("NOTMNIST_SEED", "133", "seed of the canonical split"),),
        disagreements=(),
        archives={name: Archive("/private/place.tar.gz", 1000, "ab" * 32, f"/private/{name}.tar.gz") for name in SETS},
        files=files_table(letters("bad.png", "empty file")),
        splits=splits,
        sanitized={name: splits[name].take(outcome.kept[name].astype(np.intp)) for name in splits},
        removed=outcome.removed,
        policy=Policy(),
        hashes=hashes,
        near_pairs=pairs,
        index=index,
        radius=radius_table(RowIndex(hashes), pairs, searched=5.0, fixed=RADIUS),
        overlap=overlap_report(index),
        conflicts=label_conflicts(index, splits),
        recall=recall(),
        label_issues=issues(splits),
        label_rates=rates(),
        baselines=metrics(),
        package_version="0.1.0",
        code_versions={"archives": "1"},
        contents={"splits/test": "cd" * 32},
    )
    return replace(data, **changes)
