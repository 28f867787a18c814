"""Defines `splits/train`, `/valid` and `/test`, the canonical split of the assignment."""

from collections.abc import Iterator, Sequence
from typing import Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.assets.letters import FILES, LETTER_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.curation.core.drift import within, within_share
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.statistics import label_counts, pixel_moments
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.reading.files import readable_files
from notmnist_assets.curation.splitting.splits import SET_OF_SPLIT, SPLITS, canonical_rows, gather, sizes_from_data
from notmnist_assets.curation.summaries.inputs import split_summary
from notmnist_assets.metadata.columns import Column
from notmnist_assets.metadata.display import asset_page, contact_sheet_metadata, counts_table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.deployment import PREFIX
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.types import SplitType, data_version

SIZE_SETTINGS: Final = ("train_size", "valid_size", "test_size", "seed")
_EVERY_SPLIT: Final = (
    "Images uint8 (n, 28, 28), labels int32 (0 to 9 for A to J), and the set, letter, file name and font of each row."
    f" The seed is set by {PREFIX}SEED; the same rows are sampled on every machine."
    " `mean` is the mean of (pixel - 127.5) / 255, from -0.5 to 0.5. `images_left_out` is the number of readable images"
    " of the archive that are in no split."
)
_DESCRIPTIONS: Final = {
    "train": f"Training rows sampled from the large archive, a tenth from each letter, shuffled. {_EVERY_SPLIT}",
    "valid": f"Validation rows sampled from the large archive, none of them in train, shuffled. {_EVERY_SPLIT}",
    "test": f"Test rows sampled from the small archive, shuffled. {_EVERY_SPLIT}",
}
_DRIFT: Final = Drift(
    "Rows: 5 %, as for letters, since each letter gives a tenth of the rows. Pixel mean: 0.005, three standard errors"
    " of the mean of 10,000 images.",
    lambda _previous: {"rows": within_share(0.05), "mean": within(0.005)},
)


_COLUMNS: Final = {
    "image": ("uint8[28, 28]", "gray image, 0 to 255, in `.images`; `.as_float32()` is (pixel - 127.5) / 255"),
    "label": ("int32", "0 to 9 for A to J, in `.labels`"),
    "set": ("string", "archive of the image, large or small; this and the next columns are in `.sources`"),
    "letter": ("string", "the letter's folder in the archive, A to J"),
    "name": ("string", "file name without folder"),
    "font": ("string", "font file name, decoded from the file name"),
}


def columns_from_letters(*assets: str) -> dict[str, Column]:
    """Return the columns of a split whose rows are copied from letters, such as `letters/large/*`."""
    made_from = {"image": "image", "name": "name", "font": "name"}
    return {
        name: Column(kind, text, dict.fromkeys(assets, (made_from[name],)) if name in made_from else {})
        for name, (kind, text) in _COLUMNS.items()
    }


def columns_from_split(asset: str) -> dict[str, Column]:
    """Return the columns of a split whose rows are rows of another split."""
    return {name: Column(kind, text, {asset: (name,)}) for name, (kind, text) in _COLUMNS.items()}


def _declaration(name: str) -> Declaration:
    return Declaration(
        key=f"splits/{name}",
        code_version="1",
        role="dataset",
        dagster_type=SplitType,
        io_manager="split_io",
        kinds={"numpy"},
        columns=columns_from_letters(f"letters/{SET_OF_SPLIT[name]}/*"),
        settings=SIZE_SETTINGS,
        drift=_DRIFT,
        description=_DESCRIPTIONS[name],
    )


SPLIT_ASSETS: Final = {name: _declaration(name) for name in SPLITS}


def letter_keys(set_name: str) -> set[dg.AssetKey]:
    """Return the keys of the letters of a set."""
    return {declaration.asset_key for declaration in LETTER_ASSETS[set_name].values()}


ALL_LETTER_KEYS: Final = [key for set_name in SETS for key in sorted(letter_keys(set_name))]


@dg.multi_asset(
    name="splits",
    can_subset=True,
    ins={"files": FILES.input},
    deps=ALL_LETTER_KEYS,
    outs={name: declaration.output for name, declaration in SPLIT_ASSETS.items()},
    # All three splits share a random stream; a split needs only the number of files of the other set.
    internal_asset_deps={name: {FILES.asset_key, *letter_keys(SET_OF_SPLIT[name])} for name in SPLITS},
)
def splits(
    context: dg.AssetExecutionContext, settings: SettingsResource, values: ValueLoader, files: pd.DataFrame
) -> Iterator[dg.MaterializeResult[Split]]:
    """Sample the canonical split and copy its pixels from the letters."""
    config = settings.read()
    counts = {set_name: readable_files(files, set_name) for set_name in SETS}
    large, small = (counts[set_name] for set_name in SETS)
    with as_dagster_failure():
        sizes = sizes_from_data(large, small, train=config.train_size, valid=config.valid_size, test=config.test_size)
        rows = canonical_rows(large, small, sizes, config.seed)
    for name, declaration in SPLIT_ASSETS.items():
        if declaration.asset_key not in context.selected_asset_keys:
            continue
        set_name = SET_OF_SPLIT[name]
        split = gather(set_name, values.letters(set_name), rows[name])
        sampled = sum(len(rows[other].rows) for other in SPLITS if SET_OF_SPLIT[other] == set_name)
        set_size = getattr(config, f"{name}_size")
        size = "by its setting" if set_size else _describe_size(counts[set_name], sampled)
        yield dg.MaterializeResult(
            asset_key=declaration.asset_key,
            value=split,
            data_version=data_version(split),
            metadata=asset_page(
                split_summary(
                    name,
                    split,
                    seed=config.seed,
                    size=size,
                    images_left_out=sum(counts[set_name]) - sampled,
                    readable=counts[set_name],
                ),
                picture={"pictures": contact_sheet_metadata(split.images, declaration.key)},
                numbers={
                    "rows": len(split),
                    "mean": pixel_moments(split.images).mean,
                    "images_left_out": sum(counts[set_name]) - sampled,
                },
                facts={
                    "seed": str(config.seed),
                    "size": size,
                    "scarcest_letter": f"{_describe_scarcest(counts[set_name])} readable images in {set_name}",
                },
                tables={"rows_per_letter": counts_table(label_counts(split.labels).tolist())},
            ),
        )


def _describe_scarcest(counts: Sequence[int]) -> str:
    """Return the letter with the fewest images and their number, such as `J: 30`."""
    return f"{LETTERS[int(np.argmin(counts))]}: {min(counts):,}"


def _describe_size(counts: Sequence[int], sampled: int) -> str:
    """Return what limits a size that is not set, given the images of each letter and the rows sampled from the set."""
    if sampled < min(counts) * len(LETTERS):
        return "the largest default size"
    return f"limited by the scarcest letter ({_describe_scarcest(counts)}): each letter gives as many rows"


STAGE = Stage(list(SPLIT_ASSETS.values()), [splits])
