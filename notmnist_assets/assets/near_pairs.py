"""Defines `overlap/near_pairs`, the near duplicates of all splits, and `overlap/radius`, the radius in use."""

from typing import Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets.declaration import Declaration
from notmnist_assets.assets.hashes import HASH_KEYS
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.examples import FEWEST_PLOTTED_PAIRS, pairs_around_radius, radius_chart
from notmnist_assets.curation.duplicates.pair_table import (
    SAMPLE,
    NearSearch,
    chosen_radius,
    pairs_by_distance,
    radius_table,
    sample_pairs,
    search_near,
)
from notmnist_assets.curation.duplicates.radius import (
    CROSS_LETTER_LIMIT,
    FALLBACK_RADIUS,
    choose_radius,
    label_noise,
    share_limit,
)
from notmnist_assets.curation.summaries.results import near_pairs_summary, radius_summary
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import asset_page, descriptions, exhibits, picture, table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.deployment import PREFIX
from notmnist_assets.settings.model import SEARCH_RADIUS
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.types import NearSearchType, data_version, table_type

_SEARCH_VERSION: Final = "3"
"""Code version of `overlap/near_pairs`. A stored search of another version is repeated instead of extended."""
_PICTURED_PAIRS = 12
_SAMPLE_PAIRS = 50

_DIGEST: Final[Sources] = {"hashes/*": ("exact",)}
_CROSSING: Final[Sources] = {
    "hashes/*": ("exact", "label"),
    "overlap/near_pairs": ("exact_a", "exact_b", "distance"),
}

_NEAR_PAIR_COLUMNS: Final = {
    "exact_a": Column("string", "digest of the first image, as in the hash tables", _DIGEST),
    "exact_b": Column("string", "digest of the second image", _DIGEST),
    "distance": Column("float64", "sum of absolute pixel differences / 255", {"splits/*": ("image",)}),
    "rows_a": Column("int64", "rows of all splits with the first image", _DIGEST),
    "rows_b": Column("int64", "rows of all splits with the second image", _DIGEST),
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
        f" radius (sum of absolute differences / 255; {SEARCH_RADIUS:g}, or the set radius if it is larger)."
        f" The search is exact: no pair is missed. Of more than {SAMPLE:,} distinct images, a sample of as many is"
        " searched up to this radius, and all images up to the radius in use, which the sample decides."
    ),
)

_CURVE_COLUMNS: Final = {
    "radius": Column("float64", "sum of absolute pixel differences / 255"),
    "pairs": Column("int64", "pairs of distinct images within the radius", {"overlap/near_pairs": ("distance",)}),
    "cross_letter": Column("float64", "pairs with different letters, a sum of probabilities", _CROSSING),
    "share": Column("float64", "cross_letter over pairs", _CROSSING),
    "ci_low": Column("float64", "lower end of the share's Wilson 95 % interval", _CROSSING),
    "ci_high": Column("float64", "upper end of the interval", _CROSSING),
    "chosen": Column("bool", "whether this radius is used", _CROSSING),
}
RADIUS: Final = Declaration(
    key="overlap/radius",
    code_version="5",
    role="evidence",
    dagster_type=table_type("RadiusCurve", _CURVE_COLUMNS, "Pairs and cross-letter share by radius."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_CURVE_COLUMNS,
    settings=("near_radius",),
    is_finding=True,
    description=(
        "Number of pairs and share of pairs with different letters by radius, and the radius in use: the set one, or"
        f" the one chosen from the data. {FALLBACK_RADIUS:g}, which was found on the sample and on real letters, is the"
        " fallback. A radius is accepted if the whole 95 % interval of its share is below the limit, and rejected, with"
        f" all larger ones, if it has at least {1 / CROSS_LETTER_LIMIT:g} pairs, the whole interval is at or above the"
        " limit, and the radius of the smallest share is smaller. The largest accepted radius beyond the fallback is"
        " chosen; without one, the fallback; if that is rejected, the largest that is not rejected and whose share is"
        f" below the limit. The limit is the label noise plus {CROSS_LETTER_LIMIT:.1%}. The label noise is the share"
        " that wrong labels cause at any radius: the lower end of the interval of the smallest share among radii up to"
        f" the fallback with at least {1 / CROSS_LETTER_LIMIT:g} pairs. `why` in the metadata says how this radius was"
        " chosen."
    ),
)

_SPLIT_INPUTS: Final = {name: declaration.input for name, declaration in SPLIT_ASSETS.items()}
_BY_DISTANCE = {
    "distance": "sum of absolute pixel differences / 255, upper end of the step",
    "pairs": "pairs of distinct images up to this distance and beyond the previous one",
}
_PAIR_SAMPLE = {
    **descriptions(NEAR_PAIRS.schema),
    "image_a": "split, row and letter of the first row with the first image",
    "image_b": "split, row and letter of the first row with the second image",
}


@NEAR_PAIRS.asset(deps=HASH_KEYS, ins=_SPLIT_INPUTS)
def near_pairs(
    settings: SettingsResource,
    values: ValueLoader,
    cluster: ClusterResource,
    train: Split,
    valid: Split,
    test: Split,
) -> dg.MaterializeResult[NearSearch]:
    """Search all distinct images for near pairs; extend the stored search if it has the same settings and code version.

    If the images are unchanged, the stored search is ignored, so that materializing again forces a full search.
    """
    config = settings.read()
    splits = {"train": train, "valid": valid, "test": test}
    with as_dagster_failure(), cluster.open() as work_map:
        index = values.row_index(work_map)
        search = search_near(
            index,
            splits,
            config.search_radius,
            used=config.near_radius,
            shifts=config.near_shifts,
            code_version=_SEARCH_VERSION,
            previous=values.previous_search(NEAR_PAIRS.path),
            work_map=work_map,
        )
    return dg.MaterializeResult(
        value=search,
        data_version=data_version(search.pairs),
        metadata=asset_page(
            near_pairs_summary(len(search.pairs), index.images, search.seen_before, search.radius, search.complete),
            numbers={
                "rows": len(search.pairs),
                "distinct_images": index.images,
                "images_seen_before": search.seen_before,
                "search_radius": search.radius,
                **({} if search.complete is None else {"complete_radius": search.complete}),
            },
            facts={"shifts": search.shifts},
            tables={
                "pairs_by_distance": table(pairs_by_distance(search.pairs, search.radius), _BY_DISTANCE),
                "sample_rows": table(sample_pairs(index, search.pairs, _SAMPLE_PAIRS), _PAIR_SAMPLE),
            },
        ),
    )


def _check_complete(radius: float | None, complete: float) -> None:
    """Raise CurationError if all images were not searched up to the set radius."""
    if radius is not None and radius > complete:
        raise CurationError(
            f"all images were searched only up to radius {complete:g}, but {PREFIX}NEAR_RADIUS is {radius:g}.",
            subject=NEAR_PAIRS.key,
            remedy=f"Search again: notmnist run {NEAR_PAIRS.key}",
        )


@RADIUS.asset(deps=HASH_KEYS, ins={**_SPLIT_INPUTS, "near_pairs": NEAR_PAIRS.input})
def radius(
    settings: SettingsResource,
    near_pairs: pd.DataFrame,
    values: ValueLoader,
    train: Split,
    valid: Split,
    test: Split,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Choose the radius and plot the curve."""
    config = settings.read()
    with as_dagster_failure():
        _check_complete(config.near_radius, values.complete_radius(NEAR_PAIRS.path))
    curve = radius_table(values.row_index(), near_pairs, searched=config.search_radius, fixed=config.near_radius)
    near_radius = chosen_radius(curve)
    chart = radius_chart(curve, near_radius, title="Pairs with different letters by radius")
    splits = {"train": train, "valid": valid, "test": test}
    index = values.row_index().with_pairs(near_pairs, near_radius)
    inside, outside = pairs_around_radius(index, splits, near_pairs, near_radius, _PICTURED_PAIRS)
    why = choose_radius(curve).reason if config.near_radius is None else f"set by {PREFIX}NEAR_RADIUS"
    return dg.MaterializeResult(
        value=curve,
        data_version=data_version(curve),
        metadata=asset_page(
            radius_summary(curve, near_radius, why),
            picture={
                "chart": picture(
                    chart,
                    "% of pairs with different letters by radius, with 95 % intervals, for"
                    f" {FEWEST_PLOTTED_PAIRS} pairs or more; rings: too few pairs to be rejected; dotted: the"
                    " limit; dashed: the radius in use",
                ),
            },
            numbers={
                "radius": near_radius,
                "label_noise (%)": 100 * label_noise(curve),
                "limit (%)": 100 * share_limit(curve),
            },
            facts={"fixed_by_setting": config.near_radius is not None, "why": why},
            tables={
                "curve": table(curve, RADIUS.schema, shares=("share",), intervals={"interval": ("ci_low", "ci_high")})
            },
            pictures={
                "just_inside": exhibits(
                    inside,
                    "the widest pairs within the radius: first image, second image, amplified difference",
                ),
                "just_outside": exhibits(
                    outside,
                    "the closest pairs beyond the radius: first image, second image, amplified difference",
                ),
            },
        ),
    )
