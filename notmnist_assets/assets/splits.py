"""`splits/train`, `splits/valid`, `splits/test`: the canonical split of the assignment.

Belongs here: wiring the letters to the split. The draw itself is in `curation.splits`.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import numpy as np

from notmnist_assets.assets.inputs import LETTER_KEYS, stored_letters
from notmnist_assets.assets.outputs import split_outputs
from notmnist_assets.curation.images import LETTERS, SETS
from notmnist_assets.curation.splits import SET_OF_SPLIT, SPLITS, canonical_rows, gather, sizes_from_data
from notmnist_assets.curation.statistics import label_counts, pixel_moments
from notmnist_assets.curation.values import Split
from notmnist_assets.failures import explained
from notmnist_assets.metadata import contact_sheet_metadata, counts_table
from notmnist_assets.resources import SettingsResource
from notmnist_assets.settings import PREFIX
from notmnist_assets.types import data_version

CODE_VERSION = "1"

_EVERY_SPLIT = (
    "Images uint8 (n, 28, 28), labels int32 (0 to 9 for A to J), and the set, letter, file name and font of each row."
    f" The draw repeats to the row on any machine, by the seed that {PREFIX}SEED sets."
    " `mean` is that of (pixel - 127.5) / 255, from -0.5 to 0.5. `images_left_out` are readable images of the archive"
    " that no split has."
)
_DESCRIPTIONS = {
    "train": f"Training rows drawn from the large archive, a tenth from each letter, shuffled. {_EVERY_SPLIT}",
    "valid": f"Validation rows drawn from the large archive, none of them in train, shuffled. {_EVERY_SPLIT}",
    "test": f"Test rows drawn from the small archive, shuffled. {_EVERY_SPLIT}",
}


@dg.multi_asset(
    name="splits",
    group_name="splits",
    can_subset=True,
    deps=LETTER_KEYS,
    outs=split_outputs("splits", CODE_VERSION, _DESCRIPTIONS),
)
def splits(context: dg.AssetExecutionContext, settings: SettingsResource) -> Iterator[dg.MaterializeResult[Split]]:
    """Draw the canonical split and copy its pixels out of the letters.

    The test draw continues the random stream that the large letters began, so all three depend on all letters.
    """
    chosen = settings.read()
    by_set = stored_letters(settings)
    counts = {set_name: [len(images) for images in letters.values()] for set_name, letters in by_set.items()}
    large, small = (counts[set_name] for set_name in SETS)
    with explained():
        sizes = sizes_from_data(large, small, train=chosen.train_size, valid=chosen.valid_size, test=chosen.test_size)
        rows = canonical_rows(large, small, sizes, chosen.seed)
    for name in SPLITS:
        key = dg.AssetKey(["splits", name])
        if key in context.selected_asset_keys:
            set_name = SET_OF_SPLIT[name]
            split = gather(set_name, by_set[set_name], rows[name])
            drawn = sum(len(rows[other].rows) for other in SPLITS if SET_OF_SPLIT[other] == set_name)
            own_size = getattr(chosen, f"{name}_size")
            yield dg.MaterializeResult(
                asset_key=key,
                value=split,
                data_version=data_version(split),
                metadata={
                    "rows": len(split),
                    "mean": pixel_moments(split.images).mean,
                    "seed": chosen.seed,
                    "size": "as set" if own_size else _size_in_words(counts[set_name], drawn),
                    "scarcest_letter": f"{_scarcest(counts[set_name])} readable images in {set_name}",
                    "images_left_out": sum(counts[set_name]) - drawn,
                    "rows_per_letter": counts_table(label_counts(split.labels).tolist()),
                    "pictures": contact_sheet_metadata(split.images, f"splits/{name}"),
                },
            )


def _scarcest(counts: Sequence[int]) -> str:
    """Return which letter has the fewest images, and how many: `J: 30`."""
    return f"{LETTERS[int(np.argmin(counts))]}: {min(counts):,}"


def _size_in_words(counts: Sequence[int], drawn: int) -> str:
    """Return what decided a size that is not set, from the images of each letter and the rows drawn of the set."""
    if drawn < min(counts) * len(LETTERS):
        return "the most that is taken without being set"
    return f"decided by the scarcest letter ({_scarcest(counts)}): each letter gives as many rows"


ASSETS: Sequence[dg.AssetsDefinition] = [splits]
