"""Defines the input of the report as plain values.

No value may depend on the machine, a folder or the time: equal input gives equal bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from notmnist_assets.curation.baselines.confusion import Counts
from notmnist_assets.curation.core.values import Archive, Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.sanitizing.decision import Policy


@dataclass(frozen=True)
class ReportSetting:
    """A setting: environment variable, value as text, and description."""

    name: str
    value: str
    description: str


@dataclass(frozen=True, eq=False)
class ReportData:
    """All values on the page.

    Attributes:
        title: title of the page.
        origin: origin of the data, one or two sentences.
        originals: whether the archives are the published ones, so that published numbers apply.
        published_splits: whether the splits have the published seed and sizes, so that published numbers of splits
            apply.
        settings: the settings with which the values were materialized.
        disagreements: one sentence per value that was materialized from an older version of another value or with
            other settings; empty if all values are consistent.
        archives: archive by set.
        files: readable files by letter and rejected files, as `files.files_table` returns them.
        splits: train, valid and test before sanitizing.
        sanitized: the sanitized splits.
        removed: the rows that sanitizing removed.
        policy: the rules of sanitizing.
        hashes: hash table by split.
        near_pairs: every pair within the search radius.
        index: index of all rows before sanitizing, with the near pairs within the chosen radius.
        radius: the curve from which the radius was chosen.
        overlap: overlap of the splits by method.
        conflicts: rows of duplicate groups with different labels.
        recall: recall of each method on planted duplicates.
        label_issues: the table of label issues.
        label_rates: estimated shares of wrong labels by set; empty if not recorded.
        baselines: accuracies with intervals.
        package_version: version of the package.
        code_versions: code version by stage.
        contents: data version by asset key.
        confusions: confusion matrices of clean test rows by training rows (raw or sanitized), for the model that was
            trained on all rows: int64 (10, 10), rows by label, columns by prediction; empty if not recorded.
        leakage: accuracies with and without the train rows that are also in test, as `leakage_table` returns them; None
            if they were not computed. The same holds for the next two.
        reference: accuracies of the assignment's own models, as `reference_table` returns them.
        mistakes: wrong predictions, as `confident_mistakes` returns them.
    """

    title: str
    origin: str
    originals: bool
    published_splits: bool
    settings: tuple[ReportSetting, ...]
    disagreements: tuple[str, ...]
    archives: Mapping[str, Archive]
    files: pd.DataFrame
    splits: Mapping[str, Split]
    sanitized: Mapping[str, Split]
    removed: pd.DataFrame
    policy: Policy
    hashes: Mapping[str, pd.DataFrame]
    near_pairs: pd.DataFrame
    index: RowIndex
    radius: pd.DataFrame
    overlap: pd.DataFrame
    conflicts: pd.DataFrame
    recall: pd.DataFrame
    label_issues: pd.DataFrame
    label_rates: pd.DataFrame
    baselines: pd.DataFrame
    package_version: str
    code_versions: Mapping[str, str]
    contents: Mapping[str, str]
    confusions: Mapping[str, Counts] = field(default_factory=dict)
    leakage: pd.DataFrame | None = None
    reference: pd.DataFrame | None = None
    mistakes: pd.DataFrame | None = None

    @cached_property
    def used_radius(self) -> float:
        """The largest distance at which images count as near duplicates, in units of 255."""
        return chosen_radius(self.radius)
