"""`overlap/near_pairs`, `/radius`, `/report`, `/label_conflicts`, `/recall`: shared images and the evidence.

Belongs here: wiring and telling. Searching, choosing and counting are in `curation`.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.inputs import hash_inputs, hashes_of, split_inputs, splits_of, table_input
from notmnist_assets.curation.drawing import line_chart, number_grid
from notmnist_assets.curation.evidence import (
    conflicting_groups,
    largest_groups,
    pairs_across_splits,
    pairs_at_the_edge,
)
from notmnist_assets.curation.file_names import font_name
from notmnist_assets.curation.images import LETTERS
from notmnist_assets.curation.near_table import (
    NearSearch,
    chosen_radius,
    images_of,
    pairs_among,
    pairs_by_distance,
    radius_table,
    search_near,
)
from notmnist_assets.curation.overlap import (
    conflict_groups,
    font_leakage,
    group_sizes,
    label_conflicts,
    overlap_report,
)
from notmnist_assets.curation.radius import CROSS_LETTER_LIMIT, FEWEST_PAIRS, label_noise, share_limit
from notmnist_assets.curation.recall import METHODS as RECALL_METHODS
from notmnist_assets.curation.recall import false_alarm_table, recall_by_method, recall_table
from notmnist_assets.curation.relation import METHODS, RowIndex
from notmnist_assets.curation.sampling import evenly_spaced
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.io_managers import NearSearchIOManager
from notmnist_assets.metadata import descriptions, exhibits, picture, table
from notmnist_assets.resources import SettingsResource
from notmnist_assets.settings import SEARCH_RADIUS
from notmnist_assets.storage import ValueStore
from notmnist_assets.types import (
    LABEL_CONFLICTS,
    NEAR_PAIRS,
    OVERLAP_REPORT,
    RADIUS_CURVE,
    RECALL,
    LabelConflictsType,
    NearPairsType,
    NearSearchType,
    OverlapReportType,
    RadiusCurveType,
    RecallType,
    data_version,
)

CODE_VERSION = "3"
"""Also decides which stored search may be extended: raise it when a search was wrong, and all is searched again."""

_PICTURED_PAIRS = 12
_PICTURED_GROUPS = 8
_SHOWN_GROUPS = 100
"""Groups of each method in the table of conflicts."""
_SAMPLE_PAIRS = 50
_RECALL_IMAGES = 10_000
"""Distinct images that the recall study looks at: its perceptual hashes are compared by brute force."""

_PAIRS = table_input("overlap", "near_pairs", NearPairsType)
_RADIUS = table_input("overlap", "radius", RadiusCurveType)
_KINDS = {"pandas", "parquet"}
_FONT_LEAKAGE = {
    "rows_of": "the split whose rows are counted",
    "rows": "rows whose font has any letter in train",
    "share": "these rows over all rows of the split",
    "other_letter_share": "share of rows whose font has a different letter in train",
}
_BY_DISTANCE = {
    "distance": "sum of absolute pixel differences / 255, up to and with this one",
    "pairs": "pairs of distinct images above the distance before it",
}
_SAMPLE_OF_PAIRS = {
    **descriptions(NEAR_PAIRS),
    "one": "split, row and letter of the first row that holds the one",
    "other": "the same of the other",
}
_GROUP_SIZES = {
    "method": "exact, cells or near; groups of near are connected, pair by pair, within the radius",
    "rows": "rows of one group, over all splits",
    "groups": "how many groups have that many rows",
    "distinct": "distinct images in these groups together",
}
_CONFLICT_GROUPS = {
    **descriptions(LABEL_CONFLICTS),
    "letters": "how many rows have which letter, the most frequent first",
    "rows": "rows of the group",
    "rarest": "the first row of the rarest letter, likely a wrong label",
    "font": "its font, decoded from the file name",
    "name": "its file name",
}
_RECALL_BY_METHOD = {
    **descriptions(RECALL),
    **{method: f"copies that {method} finds over planted" for method in RECALL_METHODS},
}
_FALSE_ALARMS = {
    "method": "cells, near, phash_0 or phash_10",
    "images": "distinct images looked at",
    "pairs": "pairs of them that the method calls duplicates",
    "cross_letter": "how many of these have different letters, a sum of probabilities",
    "share": "cross_letter over pairs",
    "ci_low": "lower end of the share's Wilson 95 % interval",
    "ci_high": "upper end",
}


@dg.asset(
    key=["overlap", "near_pairs"],
    group_name="overlap",
    code_version=CODE_VERSION,
    io_manager_key="near_io",
    dagster_type=NearSearchType,
    kinds=_KINDS,
    ins={**split_inputs("splits"), **hash_inputs()},
    metadata={"dagster/column_schema": NEAR_PAIRS},
    description=(
        "Every pair of distinct images, within and across the splits, whose pixels differ by at most the search"
        f" radius (sum of absolute differences / 255; {SEARCH_RADIUS:g}, or the set radius when that is wider)."
        " The search is exact: no pair is missed."
    ),
)
def near_pairs(
    settings: SettingsResource,
    **inputs: Any,
) -> dg.MaterializeResult[NearSearch]:
    """Search all distinct images against each other; those that an earlier search saw, only against new ones.

    Asked for again with nothing new, all of them: how else could a person have a wrong search made anew?
    """
    chosen = settings.read()
    index = RowIndex(hashes_of(inputs))
    splits = splits_of(inputs)
    previous = NearSearchIOManager().load_search(ValueStore(settings.storage_root()), ["overlap", "near_pairs"])
    search = search_near(
        index,
        splits,
        chosen.search_radius,
        shifts=chosen.near_shifts,
        code_version=CODE_VERSION,
        previous=previous,
    )
    return dg.MaterializeResult(
        value=search,
        data_version=data_version(search.pairs),
        metadata={
            "rows": len(search.pairs),
            "distinct_images": index.images,
            "images_seen_before": search.seen_before,
            "search_radius": search.radius,
            "shifts": search.shifts,
            "pairs_by_distance": table(pairs_by_distance(search.pairs, search.radius), _BY_DISTANCE),
            "sample_rows": table(_sample_of_pairs(index, search.pairs), _SAMPLE_OF_PAIRS),
        },
    )


@dg.asset(
    key=["overlap", "radius"],
    group_name="overlap",
    code_version=CODE_VERSION,
    io_manager_key="table_io",
    dagster_type=RadiusCurveType,
    kinds=_KINDS,
    ins={**split_inputs("splits"), **hash_inputs(), "near_pairs": _PAIRS},
    metadata={"dagster/column_schema": RADIUS_CURVE},
    description=(
        "Pairs and the share of them with different letters, by radius, and which radius is used: the set one, or"
        f" the largest that has {FEWEST_PAIRS} pairs, has a share below the limit, and lies beyond no radius with"
        f" {1 / CROSS_LETTER_LIMIT:g} pairs whose whole interval is above it. The limit is the label noise, which"
        " wrong labels cause at any radius (the lower end of the interval of the smallest share that rests on"
        f" {1 / CROSS_LETTER_LIMIT:g} pairs), and {CROSS_LETTER_LIMIT:.1%} more."
    ),
)
def radius(
    settings: SettingsResource,
    near_pairs: pd.DataFrame,
    **inputs: Any,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Draw the curve and choose."""
    index = RowIndex(hashes_of(inputs))
    chosen = settings.read()
    curve = radius_table(index, near_pairs, searched=chosen.search_radius, fixed=chosen.near_radius)
    used = chosen_radius(curve)
    supported = curve[curve["pairs"] >= FEWEST_PAIRS]
    chart = line_chart(
        [("different letters", supported["radius"].tolist(), (supported["share"] * 100).tolist())],
        bands=[((supported["ci_low"] * 100).tolist(), (supported["ci_high"] * 100).tolist())],
        title="Pairs with different letters by radius",
        x_label="radius (sum of absolute differences / 255)",
        y_label="% of pairs",
        mark_x=used,
        limit_y=share_limit(curve) * 100,
    )
    splits = splits_of(inputs)
    inside, outside = pairs_at_the_edge(index, splits, near_pairs, used, _PICTURED_PAIRS)
    return dg.MaterializeResult(
        value=curve,
        data_version=data_version(curve),
        metadata={
            "radius": used,
            "fixed_by_setting": chosen.near_radius is not None,
            "label_noise": label_noise(curve),
            "limit": share_limit(curve),
            "chart": picture(
                chart,
                f"% of pairs with different letters by radius, with 95 % interval, where there are {FEWEST_PAIRS} pairs"
                " or more; dotted: the limit; dashed: the radius in use",
            ),
            "curve": table(curve, RADIUS_CURVE),
            "just_inside": exhibits(inside, "the widest pairs within the radius: one, other, difference amplified"),
            "just_outside": exhibits(outside, "the closest pairs beyond the radius: one, other, difference amplified"),
        },
    )


@dg.asset(
    key=["overlap", "report"],
    group_name="overlap",
    code_version=CODE_VERSION,
    io_manager_key="table_io",
    dagster_type=OverlapReportType,
    kinds=_KINDS,
    ins={**split_inputs("splits"), **hash_inputs(), "near_pairs": _PAIRS, "radius": _RADIUS},
    metadata={"dagster/column_schema": OVERLAP_REPORT},
    description=(
        "How many rows of each split are found in each other one, by equal pixels (exact), by the assignment's"
        " hash (cells) and within the radius (near). Direction matters. A split against itself: repeats. The table"
        " `font_leakage` beside it counts rows of valid and test whose font train has letters of, too: a model has seen"
        " their style, even where no image is shared. Sanitizing leaves them; `NOTMNIST_GROUPED_FONTS` keeps each font"
        " in one split of `grouped/*`."
    ),
)
def report(
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    **inputs: Any,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Count what is shared."""
    index = RowIndex(hashes_of(inputs), near_pairs, chosen_radius(radius))
    counts = overlap_report(index)
    splits = splits_of(inputs)
    fonts = font_leakage(splits)
    across_splits = pairs_across_splits(index, splits, near_pairs, chosen_radius(radius), _PICTURED_PAIRS)
    sizes = pd.concat([group_sizes(index, method) for method in METHODS], ignore_index=True)
    across = counts[counts["rows_of"] != counts["found_in"]]
    names = across["rows_of"] + " in " + across["found_in"] + " (" + across["method"] + ")"
    shares = dict(zip(names.tolist(), across["rows"].tolist(), strict=True))
    return dg.MaterializeResult(
        value=counts,
        data_version=data_version(counts),
        metadata={
            **shares,
            "radius": chosen_radius(radius),
            "report": table(counts, OVERLAP_REPORT),
            "font_leakage": table(fonts, _FONT_LEAKAGE),
            "group_sizes": table(sizes[sizes["rows"] > 1], _GROUP_SIZES),
            "largest_groups": exhibits(
                largest_groups(index, splits, "near", _PICTURED_GROUPS), "the largest groups within the radius", 1
            ),
            "across_splits": exhibits(across_splits, "pairs across splits: one, other, difference amplified"),
        },
    )


@dg.asset(
    key=["overlap", "label_conflicts"],
    group_name="overlap",
    code_version=CODE_VERSION,
    io_manager_key="table_io",
    dagster_type=LabelConflictsType,
    kinds=_KINDS,
    ins={**split_inputs("splits"), **hash_inputs(), "near_pairs": _PAIRS, "radius": _RADIUS},
    metadata={"dagster/column_schema": LABEL_CONFLICTS},
    description="Rows of duplicate groups whose rows have different letters: at least one label there is wrong.",
)
def conflicts(
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    **inputs: Any,
) -> dg.MaterializeResult[pd.DataFrame]:
    """List what contradicts itself."""
    index = RowIndex(hashes_of(inputs), near_pairs, chosen_radius(radius))
    splits = splits_of(inputs)
    found = label_conflicts(index, splits)
    groups = found.groupby("method")["group"].nunique()
    return dg.MaterializeResult(
        value=found,
        data_version=data_version(found),
        metadata={
            "rows": len(found),
            "exact_groups": int(groups.get("exact", 0)),
            "near_groups": int(groups.get("near", 0)),
            "groups": table(_with_fonts(conflict_groups(found, _SHOWN_GROUPS)), _CONFLICT_GROUPS),
            "equal_images": exhibits(
                conflicting_groups(index, splits, "exact", _PICTURED_GROUPS), "equal images, different letters", 1
            ),
            "near_images": exhibits(
                conflicting_groups(index, splits, "near", _PICTURED_GROUPS), "near images, different letters", 1
            ),
        },
    )


@dg.asset(
    key=["overlap", "recall"],
    group_name="overlap",
    code_version=CODE_VERSION,
    io_manager_key="table_io",
    dagster_type=RecallType,
    kinds=_KINDS,
    ins={**split_inputs("splits"), **hash_inputs(), "near_pairs": _PAIRS, "radius": _RADIUS},
    metadata={"dagster/column_schema": RECALL},
    description=(
        "What each method finds of duplicates that we plant in a sample of this very data: gray noise, changed"
        " pixels, shifts, blur, erosion, resizing, re-encoding. Recall with Wilson 95 % intervals of exact, cells,"
        " near at the radius in use, and a perceptual hash at Hamming distances 0 and 10; beside it, the share of"
        " different letters among the pairs that each method calls duplicates."
    ),
)
def recall(
    settings: SettingsResource,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    **inputs: Any,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Plant and look."""
    used, shifts = chosen_radius(radius), settings.read().near_shifts
    index = RowIndex(hashes_of(inputs))
    splits = splits_of(inputs)
    rows = evenly_spaced(index.images, _RECALL_IMAGES)
    images = images_of(index, splits, index.first_rows[rows])
    found = recall_table(images, used, shifts=shifts)
    alarms = false_alarm_table(images, index.rows_by_letter[rows], pairs_among(index, near_pairs, used, rows))
    planted = found["perturbation"] + " " + found["strength"].map("{:g}".format)
    grid = found.assign(planted=planted).pivot_table(index="planted", columns="method", values="recall", sort=False)
    chart = number_grid(
        grid.index.tolist(), grid.columns.tolist(), grid.to_numpy(np.float64), f"Recall; near at radius {used:g}"
    )
    return dg.MaterializeResult(
        value=found,
        data_version=data_version(found),
        metadata={
            "rows": len(found),
            "radius": used,
            "shifts": shifts,
            "chart": picture(chart, "share of the planted copies that each method finds, by how they were changed"),
            "recall": table(recall_by_method(found), _RECALL_BY_METHOD),
            "false_alarms": table(alarms, _FALSE_ALARMS),
        },
    )


def _sample_of_pairs(index: RowIndex, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return pairs evenly spaced over the distances, the closest first, each image by its first row."""
    ordered = pairs.sort_values("distance", kind="stable")
    sample = ordered.iloc[evenly_spaced(len(ordered), _SAMPLE_PAIRS)]

    def first_rows(digests: pd.Series) -> list[str]:
        rows = index.first_rows[index.image_numbers(digests)]
        where = zip(index.split[rows], index.row[rows], index.label[rows], strict=True)
        return [f"{SPLITS[split]} {row} {LETTERS[label]}" for split, row, label in where]

    return pd.DataFrame(
        {
            "distance": sample["distance"],
            "one": pd.Series(first_rows(sample["exact_a"]), sample.index, "str"),
            "other": pd.Series(first_rows(sample["exact_b"]), sample.index, "str"),
            **sample[["rows_a", "rows_b"]],
        }
    )


def _with_fonts(groups: pd.DataFrame) -> pd.DataFrame:
    """Return groups with the font of the named file before its name, which people cannot read."""
    fonts = groups["name"].map(font_name).astype("str")
    return groups.assign(font=fonts)[["method", "letters", "rows", "images", "rarest", "font", "group", "name"]]


ASSETS: Sequence[dg.AssetsDefinition] = [near_pairs, radius, report, conflicts, recall]
