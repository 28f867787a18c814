"""`grouped/train`, `grouped/valid`, `grouped/test`: an alternative split in which nothing leaks from the start.

Belongs here: wiring. Groups and the draw are in `curation.grouping`.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.inputs import LETTER_KEYS, stored_letters, table_input
from notmnist_assets.assets.outputs import split_outputs
from notmnist_assets.curation.grouping import draw_groups, grouped_splits, pool_groups, pool_letters
from notmnist_assets.curation.images import SETS
from notmnist_assets.curation.near_table import chosen_radius
from notmnist_assets.curation.splits import SPLITS, sizes_from_data
from notmnist_assets.curation.statistics import label_counts
from notmnist_assets.curation.values import Split
from notmnist_assets.metadata import contact_sheet_metadata, counts_table
from notmnist_assets.resources import SettingsResource
from notmnist_assets.types import RadiusCurveType, data_version

CODE_VERSION = "1"


_DESCRIPTIONS = {
    name: f"The {name} rows of a split of both archives by duplicate groups: images connected by equal pixels or by"
    " distances up to the radius in use, and by fonts if the setting asks for it, are never in different splits."
    f" Nothing leaks, so nothing needs removing. As large as splits/{name}, or smaller where the groups left are too"
    " large."
    for name in SPLITS
}


@dg.multi_asset(
    name="grouped",
    group_name="grouped",
    can_subset=True,
    deps=LETTER_KEYS,
    ins={"radius": table_input("overlap", "radius", RadiusCurveType)},
    outs=split_outputs("grouped", CODE_VERSION, _DESCRIPTIONS),
)
def grouped(
    context: dg.AssetExecutionContext, settings: SettingsResource, radius: pd.DataFrame
) -> Iterator[dg.MaterializeResult[Split]]:
    """Group all images, draw whole groups, copy."""
    chosen = settings.read()
    by_set = stored_letters(settings)
    large, small = ([len(images) for images in by_set[set_name].values()] for set_name in SETS)
    sizes = sizes_from_data(large, small, train=chosen.train_size, valid=chosen.valid_size, test=chosen.test_size)
    pool = pool_letters(by_set)
    groups = pool_groups(pool, chosen_radius(radius), by_font=chosen.grouped_fonts, shifts=chosen.near_shifts)
    split_of = draw_groups(groups, pool.label, sizes, chosen.seed)
    drawn = grouped_splits(pool, split_of, chosen.seed)
    for place, name in enumerate(SPLITS):
        key = dg.AssetKey(["grouped", name])
        if key in context.selected_asset_keys:
            split = drawn[name]
            yield dg.MaterializeResult(
                asset_key=key,
                value=split,
                data_version=data_version(split),
                metadata={
                    "rows": len(split),
                    "groups": len(np.unique(groups[split_of == place])),
                    "largest_group": int(np.bincount(groups[split_of == place], minlength=1).max()),
                    "radius": chosen_radius(radius),
                    "by_font": chosen.grouped_fonts,
                    "rows_per_letter": counts_table(label_counts(split.labels).tolist()),
                    "pictures": contact_sheet_metadata(split.images, f"grouped/{name}"),
                },
            )


ASSETS: Sequence[dg.AssetsDefinition] = [grouped]
