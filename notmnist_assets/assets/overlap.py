"""Defines `overlap/report` and `overlap/label_conflicts`: images that splits share, and conflicting letters."""

from collections.abc import Mapping
from typing import Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.assets.hashes import HASH_KEYS
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS, near_pairs, radius
from notmnist_assets.assets.recall import RECALL, recall
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.curation.core.drift import Limit, within_chance
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.examples import conflicting_groups, pairs_across_splits
from notmnist_assets.curation.duplicates.overlap import (
    conflict_groups,
    font_leakage,
    group_sizes,
    label_conflicts,
    overlap_report,
)
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.duplicates.row_index import METHODS
from notmnist_assets.curation.splitting.splits import EARLIER, SPLITS
from notmnist_assets.curation.summaries.results import conflicts_summary, overlap_summary
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import asset_page, descriptions, exhibits, table
from notmnist_assets.storage.types import data_version, table_type

_PLOTTED_METHODS: Final = ("exact", "near")
_PICTURED_PAIRS = 12
_PICTURED_GROUPS = 8
_CONFLICT_GROUPS_OF_METHOD = 100
"""Groups of each method in the table of conflicts."""

_PAIR_COLUMNS: Final[Sources] = {"overlap/near_pairs": ("exact_a", "exact_b", "distance")}
_RADIUS_COLUMNS: Final[Sources] = {"overlap/radius": ("radius", "chosen")}
_SHARED: Final[Sources] = {"hashes/*": ("exact", "cells"), **_PAIR_COLUMNS, **_RADIUS_COLUMNS}
_GROUPS: Final[Sources] = {"hashes/*": ("exact", "label"), **_PAIR_COLUMNS, **_RADIUS_COLUMNS}
_FOUND: Final[Sources] = {"splits/*": ("image",), **_RADIUS_COLUMNS}
_DIGEST: Final[Sources] = {"hashes/*": ("exact",)}


def _shared_limits(_previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return {
        f"{rows_of} in {found_in} ({method})": within_chance(3.0)
        for method in _PLOTTED_METHODS
        for rows_of in SPLITS
        for found_in in EARLIER.get(rows_of, ())
    }


def _evaluation_first(names: "pd.Series[str]") -> "pd.Series[int]":
    """Return sort keys that put the rows of test and valid before those of train."""
    return -names.map(SPLITS.index)


_REPORT_COLUMNS: Final = {
    "method": Column("string", "exact, cells or near"),
    "rows_of": Column("string", "the split whose rows are counted"),
    "found_in": Column("string", "the split they are looked up in; if the same, repeats of an earlier row"),
    "rows": Column("int64", "rows found", _SHARED),
    "distinct": Column("int64", "distinct images among these rows", _SHARED),
    "share": Column("float64", "rows found over all rows of rows_of", _SHARED),
}
REPORT: Final = Declaration(
    key="overlap/report",
    code_version="3",
    role="evidence",
    dagster_type=table_type("OverlapReport", _REPORT_COLUMNS, "Rows of each split that are also in another."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_REPORT_COLUMNS,
    is_finding=True,
    drift=Drift(
        "Rows whose image is also in another split, by equal pixels and by near images: three standard errors of the"
        " difference of two counts (the square root of their sum), the chance variation between two collections of the"
        " same kind.",
        _shared_limits,
    ),
    description=(
        "Rows of each split whose image is also in another split, by equal pixels (exact), by the assignment's hash"
        " (cells) and within the radius (near). The count depends on the direction: valid rows found in train differ"
        " from train rows found in valid. Within a split, rows that repeat an earlier row are counted. The table"
        " `font_leakage` in the metadata counts rows of valid and test whose font also has letters in train: a model"
        " was trained on their style, even if no image is shared. Sanitizing keeps these rows;"
        " `NOTMNIST_GROUPED_FONTS` keeps each font in one split of `grouped/*`."
    ),
)

_CONFLICT_COLUMNS: Final = {
    "method": Column("string", "exact: equal pixels; near: connected by distances within the radius"),
    "group": Column("int64", "number of the group, in the order of first rows", _GROUPS),
    "images": Column("int64", "distinct images in the group", _GROUPS),
    "split": Column("string", "split of the row"),
    "row": Column("int64", "row of the split", {"hashes/*": ("row",)}),
    "letter": Column("string", "the row's letter", {"splits/*": ("letter",)}),
    "name": Column("string", "file name", {"splits/*": ("name",)}),
    "font": Column("string", "font file name", {"splits/*": ("font",)}),
    "exact": Column("string", "digest of the image", _DIGEST),
}
CONFLICTS: Final = Declaration(
    key="overlap/label_conflicts",
    code_version="3",
    role="evidence",
    dagster_type=table_type("LabelConflicts", _CONFLICT_COLUMNS, "Rows of groups with different letters."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_CONFLICT_COLUMNS,
    is_finding=True,
    description="All rows of duplicate groups with different letters: at least one label of each group is wrong.",
)

_SPLIT_INPUTS: Final = {name: declaration.input for name, declaration in SPLIT_ASSETS.items()}
_FONT_LEAKAGE = {
    "rows_of": "the split whose rows are counted",
    "rows": "rows whose font has any letter in train",
    "share": "these rows over all rows of the split",
    "other_letter_share": "share of rows whose font has a different letter in train",
}
_GROUP_SIZES = {
    "method": "exact, cells or near; groups of near are connected components of the pairs within the radius",
    "rows": "rows of a group, in all splits",
    "groups": "number of groups with that many rows",
    "distinct": "distinct images in all these groups",
}
_CONFLICT_GROUPS = {
    **descriptions(CONFLICTS.schema),
    "letters": "rows by letter, the most frequent letter first",
    "rows": "rows of the group",
    "rarest": "first row with the rarest letter, likely a wrong label",
    "font": "font of that row, decoded from the file name",
    "name": "file name of that row",
}


@REPORT.asset(deps=HASH_KEYS, ins={**_SPLIT_INPUTS, "near_pairs": NEAR_PAIRS.input, "radius": RADIUS.input})
def report(
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    values: ValueLoader,
    train: Split,
    valid: Split,
    test: Split,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Count the rows that splits share."""
    index = values.near_index(near_pairs, radius)
    counts = overlap_report(index)
    splits = {"train": train, "valid": valid, "test": test}
    fonts = font_leakage(splits)
    across_splits = pairs_across_splits(index, splits, near_pairs, chosen_radius(radius), _PICTURED_PAIRS)
    sizes = pd.concat([group_sizes(index, method) for method in METHODS], ignore_index=True)
    across = counts[counts["method"].isin(_PLOTTED_METHODS)]
    pairs = zip(across["rows_of"], across["found_in"], strict=True)
    across = across[[found_in in EARLIER.get(rows_of, ()) for rows_of, found_in in pairs]]
    names = across["rows_of"] + " in " + across["found_in"] + " (" + across["method"] + ")"
    shares = dict(zip(names.tolist(), across["rows"].tolist(), strict=True))
    return dg.MaterializeResult(
        value=counts,
        data_version=data_version(counts),
        metadata=asset_page(
            overlap_summary(counts, chosen_radius(radius), fonts),
            picture={
                "across_splits": exhibits(
                    across_splits,
                    "pairs across splits, one of each duplicate group: two images and their amplified difference",
                )
            },
            numbers={**shares, "radius": chosen_radius(radius)},
            tables={
                "report": table(
                    counts.sort_values("rows_of", key=_evaluation_first, kind="stable"),
                    REPORT.schema,
                    shares=("share",),
                ),
                "font_leakage": table(fonts, _FONT_LEAKAGE, shares=("share", "other_letter_share")),
                "group_sizes": table(sizes[sizes["rows"] > 1], _GROUP_SIZES),
            },
        ),
    )


@CONFLICTS.asset(
    deps=HASH_KEYS,
    ins={**_SPLIT_INPUTS, "near_pairs": NEAR_PAIRS.input, "radius": RADIUS.input},
)
def conflicts(
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    values: ValueLoader,
    train: Split,
    valid: Split,
    test: Split,
) -> dg.MaterializeResult[pd.DataFrame]:
    """List the duplicate groups whose rows have different letters."""
    index = values.near_index(near_pairs, radius)
    splits = {"train": train, "valid": valid, "test": test}
    found = label_conflicts(index, splits)
    groups = found.groupby("method")["group"].nunique()
    return dg.MaterializeResult(
        value=found,
        data_version=data_version(found),
        metadata=asset_page(
            conflicts_summary(found),
            picture={
                "conflicting_images": exhibits(
                    [
                        *conflicting_groups(index, splits, "exact", _PICTURED_GROUPS),
                        *conflicting_groups(index, splits, "near", _PICTURED_GROUPS, fewest_images=2),
                    ][:_PICTURED_GROUPS],
                    "groups with different letters: of equal images, then of near images",
                    1,
                )
            },
            numbers={
                "rows": len(found),
                "exact_groups": int(groups.get("exact", 0)),
                "near_groups": int(groups.get("near", 0)),
            },
            tables={"groups": table(conflict_groups(found, _CONFLICT_GROUPS_OF_METHOD), _CONFLICT_GROUPS)},
        ),
    )


STAGE = Stage([NEAR_PAIRS, RADIUS, REPORT, CONFLICTS, RECALL], [near_pairs, radius, report, conflicts, recall])
