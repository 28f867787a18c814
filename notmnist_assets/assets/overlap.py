"""Defines `overlap/near_pairs`, `/radius`, `/report`, `/label_conflicts` and `/recall`: which images splits share."""

from collections.abc import Mapping
from typing import Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.assets.hashes import HASHES
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.stored_values import StoredValues
from notmnist_assets.curation.core.drift import Limit, within_chance
from notmnist_assets.curation.core.figures import number_grid
from notmnist_assets.curation.core.file_names import font_name
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.evidence import (
    conflicting_groups,
    largest_groups,
    pairs_across_splits,
    pairs_at_the_edge,
    radius_chart,
)
from notmnist_assets.curation.duplicates.overlap import (
    conflict_groups,
    font_leakage,
    group_sizes,
    label_conflicts,
    overlap_report,
)
from notmnist_assets.curation.duplicates.pair_table import (
    NearSearch,
    chosen_radius,
    images_of,
    pairs_among,
    pairs_by_distance,
    radius_table,
    search_near,
)
from notmnist_assets.curation.duplicates.radius import CROSS_LETTER_LIMIT, FEWEST_PAIRS, label_noise, share_limit
from notmnist_assets.curation.duplicates.recall import METHODS as RECALL_METHODS
from notmnist_assets.curation.duplicates.recall import false_alarm_table, recall_by_method, recall_table
from notmnist_assets.curation.duplicates.row_index import METHODS, RowIndex
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import descriptions, exhibits, picture, table
from notmnist_assets.settings.model import SEARCH_RADIUS
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.types import NearSearchType, data_version, table_type

_SEARCH_VERSION: Final = "3"
"""Code version of `overlap/near_pairs`. A stored search of another version is not extended but repeated."""

_PICTURED_PAIRS = 12
_PICTURED_GROUPS = 8
_SHOWN_GROUPS = 100
"""Groups of each method in the table of conflicts."""
_SAMPLE_PAIRS = 50
_RECALL_IMAGES = 10_000
"""Distinct images that the recall study looks at: its perceptual hashes are compared by brute force."""

_PAIR_COLUMNS: Final[Sources] = {"overlap/near_pairs": ("exact_a", "exact_b", "distance")}
_RADIUS_COLUMNS: Final[Sources] = {"overlap/radius": ("radius", "chosen")}
_CROSSING: Final[Sources] = {"hashes/*": ("exact", "label"), **_PAIR_COLUMNS}
_SHARED: Final[Sources] = {"hashes/*": ("exact", "cells"), **_PAIR_COLUMNS, **_RADIUS_COLUMNS}
_GROUPS: Final[Sources] = {"hashes/*": ("exact", "label"), **_PAIR_COLUMNS, **_RADIUS_COLUMNS}
_FOUND: Final[Sources] = {"splits/*": ("image",), **_RADIUS_COLUMNS}
_DIGEST: Final[Sources] = {"hashes/*": ("exact",)}

_NEAR_PAIR_COLUMNS: Final = {
    "exact_a": Column("string", "digest of one image, as in the hash tables", _DIGEST),
    "exact_b": Column("string", "digest of the other image", _DIGEST),
    "distance": Column("float64", "sum of absolute pixel differences / 255", {"splits/*": ("image",)}),
    "rows_a": Column("int64", "rows of all splits with the one image", _DIGEST),
    "rows_b": Column("int64", "rows of all splits with the other image", _DIGEST),
}
NEAR_PAIRS: Final = Declaration(
    key="overlap/near_pairs",
    code_version=_SEARCH_VERSION,
    role="evidence",
    dagster_type=NearSearchType,
    loaded_type=table_type("NearPairs", _NEAR_PAIR_COLUMNS, "Pairs of distinct images at most the radius apart."),
    io_manager="near_io",
    kinds={"pandas", "parquet"},
    columns=_NEAR_PAIR_COLUMNS,
    settings=("search_radius", "near_shifts"),
    description=(
        "Every pair of distinct images, within and across the splits, whose pixels differ by at most the search"
        f" radius (sum of absolute differences / 255; {SEARCH_RADIUS:g}, or the set radius if that is larger)."
        " The search is exact: no pair is missed."
    ),
)

_CURVE_COLUMNS: Final = {
    "radius": Column("float64", "sum of absolute pixel differences / 255"),
    "pairs": Column("int64", "pairs of distinct images within it", {"overlap/near_pairs": ("distance",)}),
    "cross_letter": Column("float64", "how many of them have different letters, a sum of probabilities", _CROSSING),
    "share": Column("float64", "cross_letter over pairs", _CROSSING),
    "ci_low": Column("float64", "lower end of the share's Wilson 95 % interval", _CROSSING),
    "ci_high": Column("float64", "upper end", _CROSSING),
    "chosen": Column("bool", "whether this radius is used", _CROSSING),
}
RADIUS: Final = Declaration(
    key="overlap/radius",
    code_version="3",
    role="evidence",
    dagster_type=table_type("RadiusCurve", _CURVE_COLUMNS, "Pairs and cross-letter share by radius; the choice."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_CURVE_COLUMNS,
    settings=("near_radius",),
    headlines={"radius": "radius: largest distance at which two images count as one"},
    description=(
        "Pairs and the share of them with different letters, by radius, and which radius is used: the set one, or"
        f" the largest that has {FEWEST_PAIRS} pairs, has a share below the limit, and lies beyond no radius with"
        f" {1 / CROSS_LETTER_LIMIT:g} pairs whose whole interval is above it. The limit is the label noise, which"
        " wrong labels cause at any radius (the lower end of the interval of the smallest share that rests on"
        f" {1 / CROSS_LETTER_LIMIT:g} pairs), and {CROSS_LETTER_LIMIT:.1%} more."
    ),
)


def _shared_limits(_previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return {
        f"{rows_of} in {found_in} ({method})": within_chance(3.0)
        for method in ("exact", "near")
        for rows_of in SPLITS
        for found_in in SPLITS
        if rows_of != found_in
    }


_REPORT_COLUMNS: Final = {
    "method": Column("string", "exact, cells or near"),
    "rows_of": Column("string", "the split whose rows are counted"),
    "found_in": Column("string", "the split they are looked up in; the same split: repeats of an earlier row"),
    "rows": Column("int64", "rows found", _SHARED),
    "distinct": Column("int64", "distinct images among them", _SHARED),
    "share": Column("float64", "rows found over all rows of rows_of", _SHARED),
}
REPORT: Final = Declaration(
    key="overlap/report",
    code_version="3",
    role="evidence",
    dagster_type=table_type("OverlapReport", _REPORT_COLUMNS, "How many rows of a split are also in another."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_REPORT_COLUMNS,
    headlines={
        "valid in train (exact)": "valid rows with pixels of train",
        "test in train (exact)": "test rows with pixels of train",
        "valid in train (near)": "valid rows within the radius of train",
        "test in train (near)": "test rows within the radius of train",
    },
    drift=Drift(
        "Rows that another split has too, by equal and by near images: three standard errors of the difference of two"
        " counts (the root of their sum), which a fresh collection of the same kind would keep.",
        _shared_limits,
    ),
    description=(
        "How many rows of each split are found in each other one, by equal pixels (exact), by the assignment's"
        " hash (cells) and within the radius (near). Direction matters. A split against itself: repeats. The table"
        " `font_leakage` beside it counts rows of valid and test whose font also has letters in train: a model has seen"
        " their style, even where no image is shared. Sanitizing leaves them; `NOTMNIST_GROUPED_FONTS` keeps each font"
        " in one split of `grouped/*`."
    ),
)

_CONFLICT_COLUMNS: Final = {
    "method": Column("string", "exact: equal pixels; near: connected within the radius"),
    "group": Column("int64", "number of the group, in the order of first rows", _GROUPS),
    "images": Column("int64", "distinct images in the group", _GROUPS),
    "split": Column("string", "where the row is"),
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
    headlines={
        "exact_groups": "groups of equal images with different letters",
        "near_groups": "groups of near images with different letters",
    },
    description="Rows of duplicate groups whose rows have different letters: at least one label there is wrong.",
)

_RECALL_COLUMNS: Final = {
    "perturbation": Column("string", "how the copies were changed"),
    "strength": Column("float64", "how much"),
    "method": Column("string", "exact, cells, near, phash_0 or phash_10"),
    "planted": Column("int64", "copies planted"),
    "found": Column("int64", "copies the method calls duplicates of their originals", _FOUND),
    "recall": Column("float64", "found over planted", _FOUND),
    "ci_low": Column("float64", "lower end of its Wilson 95 % interval", _FOUND),
    "ci_high": Column("float64", "upper end", _FOUND),
    "median_distance": Column(
        "float64", "median L1 distance of copy and original, in units of 255", {"splits/*": ("image",)}
    ),
}
RECALL: Final = Declaration(
    key="overlap/recall",
    code_version="4",
    role="evidence",
    dagster_type=table_type("Recall", _RECALL_COLUMNS, "What each method finds of planted duplicates."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_RECALL_COLUMNS,
    # The planted copies are searched with it; the pairs, which the other assets read, change with it by themselves.
    settings=("near_shifts",),
    description=(
        "What each method finds of duplicates that are planted in a sample of these very data: gray noise, changed"
        " pixels, shifts, blur, erosion, resizing, re-encoding. Recall with Wilson 95 % intervals of exact, cells,"
        " near at the radius in use, and a perceptual hash at Hamming distances 0 and 10; beside it, the share of"
        " different letters among the pairs that each method calls duplicates."
    ),
)

_HASH_KEYS: Final = [declaration.asset_key for declaration in HASHES.values()]
_SPLIT_INPUTS: Final = {name: declaration.input for name, declaration in SPLIT_ASSETS.items()}
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
    **descriptions(NEAR_PAIRS.schema),
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
    **descriptions(CONFLICTS.schema),
    "letters": "how many rows have which letter, the most frequent first",
    "rows": "rows of the group",
    "rarest": "the first row of the rarest letter, likely a wrong label",
    "font": "its font, decoded from the file name",
    "name": "its file name",
}
_RECALL_BY_METHOD = {
    **descriptions(RECALL.schema),
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


@NEAR_PAIRS.asset(deps=_HASH_KEYS, ins=_SPLIT_INPUTS)
def near_pairs(
    settings: SettingsResource,
    values: StoredValues,
    train: Split,
    valid: Split,
    test: Split,
) -> dg.MaterializeResult[NearSearch]:
    """Search all distinct images against each other, extending the stored search by the images that are new.

    If no image is new, the stored search is ignored, so that materializing again forces a full search.
    """
    chosen = settings.read()
    index = values.row_index()
    splits = {"train": train, "valid": valid, "test": test}
    search = search_near(
        index,
        splits,
        chosen.search_radius,
        shifts=chosen.near_shifts,
        code_version=_SEARCH_VERSION,
        previous=values.previous_search(NEAR_PAIRS.path),
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


@RADIUS.asset(deps=_HASH_KEYS, ins={**_SPLIT_INPUTS, "near_pairs": NEAR_PAIRS.input})
def radius(
    settings: SettingsResource,
    near_pairs: pd.DataFrame,
    values: StoredValues,
    train: Split,
    valid: Split,
    test: Split,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Plot the curve and choose the radius."""
    index = values.row_index()
    chosen = settings.read()
    curve = radius_table(index, near_pairs, searched=chosen.search_radius, fixed=chosen.near_radius)
    used = chosen_radius(curve)
    chart = radius_chart(curve, used, title="Pairs with different letters by radius")
    splits = {"train": train, "valid": valid, "test": test}
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
                " or more; rings: too few pairs to rule out larger radii; dotted: the limit; dashed: the radius in use",
            ),
            "curve": table(curve, RADIUS.schema),
            "just_inside": exhibits(inside, "the widest pairs within the radius: one, other, difference amplified"),
            "just_outside": exhibits(outside, "the closest pairs beyond the radius: one, other, difference amplified"),
        },
    )


@REPORT.asset(deps=_HASH_KEYS, ins={**_SPLIT_INPUTS, "near_pairs": NEAR_PAIRS.input, "radius": RADIUS.input})
def report(
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    values: StoredValues,
    train: Split,
    valid: Split,
    test: Split,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Count the rows that splits share."""
    index = values.row_index().with_pairs(near_pairs, chosen_radius(radius))
    counts = overlap_report(index)
    splits = {"train": train, "valid": valid, "test": test}
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
            "report": table(counts, REPORT.schema),
            "font_leakage": table(fonts, _FONT_LEAKAGE),
            "group_sizes": table(sizes[sizes["rows"] > 1], _GROUP_SIZES),
            "largest_groups": exhibits(
                largest_groups(index, splits, "near", _PICTURED_GROUPS), "the largest groups within the radius", 1
            ),
            "across_splits": exhibits(across_splits, "pairs across splits: one, other, difference amplified"),
        },
    )


@CONFLICTS.asset(
    deps=_HASH_KEYS,
    ins={**_SPLIT_INPUTS, "near_pairs": NEAR_PAIRS.input, "radius": RADIUS.input},
)
def conflicts(
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    values: StoredValues,
    train: Split,
    valid: Split,
    test: Split,
) -> dg.MaterializeResult[pd.DataFrame]:
    """List duplicate groups with different letters."""
    index = values.row_index().with_pairs(near_pairs, chosen_radius(radius))
    splits = {"train": train, "valid": valid, "test": test}
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


@RECALL.asset(deps=_HASH_KEYS, ins={**_SPLIT_INPUTS, "near_pairs": NEAR_PAIRS.input, "radius": RADIUS.input})
def recall(
    settings: SettingsResource,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    values: StoredValues,
    train: Split,
    valid: Split,
    test: Split,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Measure recall on planted duplicates."""
    used, shifts = chosen_radius(radius), settings.read().near_shifts
    index = values.row_index()
    splits = {"train": train, "valid": valid, "test": test}
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


STAGE = Stage([NEAR_PAIRS, RADIUS, REPORT, CONFLICTS, RECALL], [near_pairs, radius, report, conflicts, recall])
