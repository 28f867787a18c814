"""`letters/large/A` to `/J`, `letters/small/A` to `/J`: one tensor per letter, read from the archive in one pass.

Belongs here: wiring and describing. Reading is in `curation.letters`.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.curation.ahead import made_ahead
from notmnist_assets.curation.file_names import font_name
from notmnist_assets.curation.images import LETTERS, SETS
from notmnist_assets.curation.letters import read_letters
from notmnist_assets.curation.statistics import pixel_moments
from notmnist_assets.curation.values import Archive, LetterImages
from notmnist_assets.failures import explained
from notmnist_assets.metadata import contact_sheet_metadata, table
from notmnist_assets.resources import SettingsResource
from notmnist_assets.types import LETTER_ROWS, LetterImagesType, data_version

CODE_VERSION = "1"

_REJECTED = {"font": "decoded from the file's name", "name": "the file's name in the archive"}


def _letter_assets(set_name: str) -> dg.AssetsDefinition:
    keys = {letter: dg.AssetKey(["letters", set_name, letter]) for letter in LETTERS}

    @dg.multi_asset(
        name=f"letters_{set_name}",
        group_name="letters",
        can_subset=True,
        ins={"archive": dg.AssetIn(key=["archives", set_name], input_manager_key="archive_io")},
        outs={
            f"{set_name}_{letter}": dg.AssetOut(
                key=keys[letter],
                dagster_type=LetterImagesType,
                io_manager_key="letters_io",
                code_version=CODE_VERSION,
                kinds={"numpy"},
                is_required=False,
                metadata={"dagster/column_schema": LETTER_ROWS},
                description=(
                    f"All readable images of the letter {letter} in the {set_name} archive, uint8 (n, 28, 28), in"
                    " canonical order (file names without regard to case, ties by the exact name), with their names"
                    " and the rejected files with a reason each. `mean` and `deviation` are those of"
                    " (pixel - 127.5) / 255, from -0.5 to 0.5."
                ),
            )
            for letter in LETTERS
        },
    )
    def letters(
        context: dg.AssetExecutionContext, settings: SettingsResource, archive: Archive
    ) -> Iterator[dg.MaterializeResult[LetterImages]]:
        """Read the selected letters; none is stored before the whole archive has proved intact."""
        wanted = [letter for letter, key in keys.items() if key in context.selected_asset_keys]
        minimum = settings.read().minimum[set_name]
        with explained(), read_letters(archive, set_name, wanted, minimum=minimum) as reading:
            for members, what in (
                (reading.report.outside, "belong to no letter"),
                (reading.report.unsafe, "have an absolute path or .. in it: someone may have meddled with it"),
            ):
                if members:
                    context.log.warning(f"{len(members)} members {what}: {', '.join(members[:20])}")

            def describe(found: tuple[str, LetterImages]) -> dg.MaterializeResult[LetterImages]:
                letter, images = found
                return _described(keys[letter], images, reading.report.members[letter])

            # Describing a letter takes longer than storing one.
            yield from made_ahead(describe, reading)

    return letters


def _described(key: dg.AssetKey, images: LetterImages, members: int) -> dg.MaterializeResult[LetterImages]:
    moments = pixel_moments(images.images)
    return dg.MaterializeResult(
        asset_key=key,
        value=images,
        data_version=data_version(images),
        metadata={
            "members": members,
            "images": len(images),
            "rejected": len(images.rejected),
            "mean": moments.mean,
            "deviation": moments.deviation,
            "rejected_files": table(_reason_first(images.rejected), _REJECTED),
            "pictures": contact_sheet_metadata(images.images, "/".join(key.path)),
        },
    )


def _reason_first(rejected: pd.DataFrame) -> pd.DataFrame:
    """Return the rejected files with what people want to know first: names are long and say little."""
    fonts = rejected["name"].map(font_name).astype("str")
    return rejected.assign(font=fonts)[["reason", "font", "bytes", "name"]]


ASSETS: Sequence[dg.AssetsDefinition] = [_letter_assets(set_name) for set_name in SETS]
