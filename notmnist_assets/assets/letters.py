"""Defines `letters/large/A` to `/J` and `letters/small/A` to `/J`, one tensor per letter, and `letters/files`."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import dagster as dg
import numpy as np
import pandas as pd

from notmnist_assets.assets.archives import ARCHIVES
from notmnist_assets.assets.declaration import Declaration, Drift, Stage
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.core.drift import Limit, within, within_share
from notmnist_assets.curation.core.file_names import font_name
from notmnist_assets.curation.core.images import LETTERS, SETS, SIDE
from notmnist_assets.curation.core.prefetch import prefetch_map
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.statistics import PixelMoments, border_brightness, pixel_moments
from notmnist_assets.curation.core.values import Archive, LetterImages, OtherFiles
from notmnist_assets.curation.core.wording import printable
from notmnist_assets.curation.reading.files import (
    IGNORED,
    OUTSIDE,
    file_counts,
    files_table,
    other_files,
    rejected_files,
)
from notmnist_assets.curation.reading.letters import read_letters, shortage_remedy
from notmnist_assets.curation.summaries.inputs import files_summary, letter_summary
from notmnist_assets.metadata.columns import Column
from notmnist_assets.metadata.display import asset_page, contact_sheet_metadata, sheet_metadata, table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.types import LetterImagesType, data_version, table_type

REMEDY: Final = "next"
"""Metadata label of what to do with an archive that has too few images of a letter."""
_SHOWN_PER_LETTER: Final = 3
_REASONS: Final = {
    "files": "number of files that were rejected for this reason",
    "letters": "the letters of these files",
    "example": "the name of the first of them",
}
_REJECTED: Final = {"font": "decoded from the file name", "name": "the file name in the archive"}


def _drift_limits(previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return {
        "images": within_share(0.05),
        "rejected": within(0.005 * previous.get("members", 0.0)),
        "mean": within(0.01),
    }


_DRIFT: Final = Drift(
    "Images: 5 %; corrections touch single files, while a lost folder or another collection of fonts is more."
    " Rejected files: 0.5 % of the members, where the originals have 0.01 %; more is a broken writer or reader."
    " Pixel mean: 0.01, two to three standard errors of the mean of 1,900 glyphs; the same letter of the two"
    " original archives differs by 0.001 to 0.022.",
    _drift_limits,
)


def _declaration(set_name: str, letter: str) -> Declaration:
    return Declaration(
        key=f"letters/{set_name}/{letter}",
        group=f"letters_{set_name}",
        code_version="2",
        role="raw",
        dagster_type=LetterImagesType,
        io_manager="letters_io",
        kinds={"numpy"},
        columns={
            "image": Column("uint8[28, 28]", "gray image, 0 to 255, in `.images`"),
            "name": Column("string", "file name without folder, in `.names`; the order of the rows"),
        },
        guards=(f"min_{set_name}",),
        drift=_DRIFT,
        description=(
            f"All readable images of the letter {letter} in the {set_name} archive, uint8 (n, 28, 28), in canonical"
            " order (file names without regard to case, ties by the exact name), with their names and the rejected"
            " files with a reason each. `mean` and `deviation` are those of (pixel - 127.5) / 255, from -0.5 to 0.5."
        ),
    )


LETTER_ASSETS: Final = {set_name: {letter: _declaration(set_name, letter) for letter in LETTERS} for set_name in SETS}
_FILE_COLUMNS: Final = {
    "set": Column("string", "archive, large or small"),
    "letter": Column("string", "A to J, `all` for the images of all letters together, or `none`"),
    "outcome": Column(
        "string", f"`image`, the reason why the file was rejected, `{OUTSIDE}`, or `{IGNORED}` (ignored)"
    ),
    "files": Column("int64", "number of files: all readable ones of a letter, 1 if the file is named"),
    "distinct": Column(
        "int64", "distinct images among the readable files", {f"letters/{name}/*": ("image",) for name in SETS}
    ),
    "border": Column(
        "float64",
        "mean of the border pixels of the images, as a share of 255",
        {f"letters/{name}/*": ("image",) for name in SETS},
    ),
    "name": Column("string", "file name of a rejected file, path of a file outside A-J, else empty"),
    "bytes": Column("int64", "size of a rejected file, 0 for readable ones"),
}
FILES: Final = Declaration(
    key="letters/files",
    code_version="2",
    role="evidence",
    dagster_type=table_type("LetterFiles", _FILE_COLUMNS, "Readable, rejected and other files of the archives."),
    io_manager="table_io",
    kinds={"pandas", "parquet"},
    columns=_FILE_COLUMNS,
    is_finding=True,
    description=(
        "All files of the archives: one row for the readable files of each letter, one for those of all letters, one"
        " for each rejected file with its reason, and the files that are not directly in a folder A to J, with examples"
        " of their paths. Files that macOS adds to archives are ignored and counted."
    ),
)


def _letter_assets(set_name: str) -> dg.AssetsDefinition:
    declared = LETTER_ASSETS[set_name]

    @dg.multi_asset(
        name=f"letters_{set_name}",
        can_subset=True,
        ins={"archive": ARCHIVES[set_name].input},
        outs={f"{set_name}_{letter}": declaration.output for letter, declaration in declared.items()},
    )
    def letters(
        context: dg.AssetExecutionContext, settings: SettingsResource, cluster: ClusterResource, archive: Archive
    ) -> Iterator[dg.MaterializeResult[LetterImages]]:
        """Read the selected letters in one pass; none is stored before the whole archive has been verified."""
        wanted = [letter for letter in LETTERS if declared[letter].asset_key in context.selected_asset_keys]
        config = settings.read()
        minimum = config.minimum[set_name]
        # A letter with too few images is stored, so that its rejected files can be looked at; its blocking check
        # `enough_images` holds everything downstream.
        with (
            as_dagster_failure(),
            cluster.open() as work_map,
            read_letters(archive, set_name, wanted, work_map=work_map, most_paths=config.most_paths) as reading,
        ):
            for files, what in (
                (reading.report.outside, "are not directly in a folder A to J"),
                (reading.report.unsafe, "have an absolute path or .. in it: someone may have changed the archive"),
            ):
                if files.count:
                    context.log.warning(f"{files.count:,} files {what}: {', '.join(map(printable, files.examples))}")

            def describe(found: tuple[str, LetterImages]) -> dg.MaterializeResult[LetterImages]:
                letter, images = found
                remedy = ""
                if len(images) < minimum:
                    reasons = Counter(images.rejected["reason"])
                    remedy = shortage_remedy(archive, set_name, reasons, can_lower=bool(len(images)))
                return _result(declared[letter], images, reading.report.members[letter], remedy)

            # Describing a letter takes longer than storing one.
            yield from prefetch_map(describe, reading)

    return letters


def _result(
    declaration: Declaration, images: LetterImages, members: int, remedy: str
) -> dg.MaterializeResult[LetterImages]:
    _, set_name, letter = declaration.path
    moments = pixel_moments(images.images) if len(images) else PixelMoments(math.nan, math.nan)
    return dg.MaterializeResult(
        asset_key=declaration.asset_key,
        value=images,
        data_version=data_version(images),
        metadata=asset_page(
            letter_summary(set_name, letter, images, too_few=bool(remedy)),
            picture={"pictures": contact_sheet_metadata(images.images, declaration.key)},
            numbers={
                "members": members,
                "images": len(images),
                "rejected": len(images.rejected),
                "outside": images.outside.count,
                "mean": moments.mean,
                "deviation": moments.deviation,
                "border": border_brightness(images.images),
            },
            facts={REMEDY: remedy} if remedy else {},
            tables={
                "rejected_files": table(_reason_first(images.rejected), _REJECTED),
                **({"outside_files": _paths(images.outside)} if images.outside.count else {}),
            },
        ),
    )


def _paths(others: OtherFiles) -> dg.TableMetadataValue:
    return table(pd.DataFrame({"path": list(others.examples)}), {"path": f"the first of {others.count:,} paths"})


def _reason_first(rejected: pd.DataFrame) -> pd.DataFrame:
    """Return the rejected files with the reason first: names are long."""
    fonts = rejected["name"].map(font_name).astype("str")
    return rejected.assign(font=fonts)[["reason", "font", "bytes", "name"]]


@FILES.asset(
    # The archives too: files outside the letters change no letter.
    deps=[
        *(declaration.asset_key for declaration in ARCHIVES.values()),
        *(declaration.asset_key for declared in LETTER_ASSETS.values() for declaration in declared.values()),
    ],
)
def files(values: ValueLoader) -> dg.MaterializeResult[pd.DataFrame]:
    """Count the files of the archives by letter and outcome."""
    letters = {set_name: values.letters(set_name) for set_name in SETS}
    found = files_table(letters)
    counts, rejected = file_counts(found), rejected_files(found)
    return dg.MaterializeResult(
        value=found,
        data_version=data_version(found),
        metadata=asset_page(
            files_summary(found),
            picture={"pictures": _letters_side_by_side(letters)},
            numbers={
                "images": int(counts["images"].sum()),
                "rejected": len(rejected),
                "outside": sum(other_files(found, OUTSIDE).values()),
                "ignored": sum(other_files(found, IGNORED).values()),
            },
            tables={
                "reasons": table(_reasons(rejected), _REASONS),
                "rejected_files": table(_reason_first(rejected.rename(columns={"outcome": "reason"})), _REJECTED),
                "outside_files": table(found.loc[found["outcome"] == OUTSIDE, ["set", "files", "name"]]),
                "counts": table(_by_letter(counts)),
            },
        ),
    )


def _reasons(rejected: pd.DataFrame) -> pd.DataFrame:
    """Return the reasons of rejections, the most frequent first, with a file of each."""
    grouped = rejected.groupby("outcome", sort=True)
    found = pd.DataFrame(
        {
            "files": grouped.size(),
            "letters": grouped["letter"].agg(lambda letters: "".join(sorted(set(letters)))),
            "example": grouped["name"].first(),
        }
    )
    ordered = found.rename_axis("reason").reset_index().sort_values("files", ascending=False, kind="stable")
    return ordered[["reason", "files", "letters", "example"]]


def _by_letter(counts: pd.DataFrame) -> pd.DataFrame:
    """Return a row per letter with its images and rejected files in each archive."""
    parts = [
        counts[counts["set"] == name].set_index("letter")[["images", "rejected"]].add_suffix(f": {name}")
        for name in SETS
    ]
    return pd.concat(parts, axis=1).reset_index()


def _letters_side_by_side(letters: Mapping[str, Mapping[str, LetterImages]]) -> dg.MarkdownMetadataValue:
    """Return a contact sheet with a column per letter and lines of images, first of the one archive, then the other."""
    lines = [
        by_letter[letter].images[row] if row is not None else np.zeros((SIDE, SIDE), np.uint8)
        for by_letter in letters.values()
        for line in range(_SHOWN_PER_LETTER)
        for letter in LETTERS
        for row in [_nth(len(by_letter[letter]), line)]
    ]
    title = f"letters A to J, {_SHOWN_PER_LETTER} images of each from {', then '.join(letters)}"
    return sheet_metadata(np.stack(lines), title, columns=len(LETTERS))


def _nth(images: int, line: int) -> int | None:
    """Return the row of the image that is shown in a line, None if there is none."""
    rows = evenly_spaced(images, _SHOWN_PER_LETTER)
    return int(rows[line]) if line < len(rows) else None


STAGE = Stage(
    [*(declaration for declared in LETTER_ASSETS.values() for declaration in declared.values()), FILES],
    [*(_letter_assets(set_name) for set_name in SETS), files],
)
