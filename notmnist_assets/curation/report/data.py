"""What the page is made from, as plain values.

Belongs here: the shape of the input. Nothing in it may name a machine, a folder or a time: the page repeats to the
byte.
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
class SettingShown:
    """A setting as a person reads it."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, eq=False)
class ReportData:
    """All values that the page tells of.

    Attributes:
        title: what these data are called.
        origin: where they come from, in one or two sentences.
        originals: whether the archives are the published ones, so that published numbers must hold.
        published_draw: whether the splits have the published seed and sizes, so that those of splits must hold too.
        settings: what the values were made with.
        disagreements: which values were not made from one another or with the same settings, in words; none should be.
        archives: by set.
        files: readable files by letter and rejected files, as `files.files_table` returns them.
        splits: as drawn.
        sanitized: what sanitizing left of them.
        removed: the rows it removed.
        policy: by which rules.
        hashes: hash table by split.
        near_pairs: every pair within the search radius.
        index: all rows of the splits, with their near pairs within the chosen radius.
        radius: the curve by which the radius was chosen.
        overlap: what the splits share.
        conflicts: rows of groups with different letters.
        recall: what each method finds of planted duplicates.
        baselines: accuracies with intervals.
        package_version: of the program.
        code_versions: by stage.
        contents: by asset key, the hash of what is stored.
        confusions: by what was trained on, raw or sanitized, how many clean test rows of each letter the model of all
            its rows reads as each letter, int64 (10, 10); empty where that was not recorded.
    """

    title: str
    origin: str
    originals: bool
    published_draw: bool
    settings: tuple[SettingShown, ...]
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
    baselines: pd.DataFrame
    package_version: str
    code_versions: Mapping[str, str]
    contents: Mapping[str, str]
    confusions: Mapping[str, Counts] = field(default_factory=dict)

    @cached_property
    def used_radius(self) -> float:
        """The radius within which images count as near duplicates."""
        return chosen_radius(self.radius)
