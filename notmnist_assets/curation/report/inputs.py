"""Builds the sections about the input: archives, settings, files of each letter, rejected files, sample images."""

from dataclasses import replace
from pathlib import PureWindowsPath
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.exhibits import contact_sheet
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.reading.files import IGNORED, OUTSIDE, file_counts, other_files, rejected_files
from notmnist_assets.curation.report.blocks import (
    MOST_ROWS,
    Block,
    Folded,
    Pictures,
    Section,
    Summary,
    Table,
    code_cell,
    count,
    number_column,
    rows_of,
    text_cell,
    text_column,
    variable_cell,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.report.pictures import Picture
from notmnist_assets.curation.splitting.splits import SET_OF_SPLIT, SPLITS
from notmnist_assets.curation.summaries.inputs import archive_summary, files_summary

_SHEET_IMAGES = 24


def archives_section(data: ReportData) -> Section:
    """List the archives and the settings."""
    archives = Table(
        "archives-table",
        "Archives, verified before they were read",
        (
            text_column("archive"),
            text_column("origin", "address or file name from which the archive was fetched"),
            number_column("bytes", "size of the compressed file"),
            text_column("SHA-256", "digest of the compressed file"),
        ),
        [
            (
                text_cell(name),
                text_cell(_public_origin(archive.origin)),
                count(archive.bytes),
                code_cell(archive.sha256),
            )
            for name, archive in data.archives.items()
        ],
    )
    settings = Table(
        "settings-table",
        "Settings with which the values on this page were materialized",
        (text_column("setting"), text_column("value"), text_column("meaning")),
        [
            (variable_cell(setting.name), text_cell(setting.value), text_cell(setting.description))
            for setting in data.settings
        ],
    )
    return Section(
        "archives",
        "Archives and settings",
        "All values on this page follow from these archives and settings.",
        (
            *(Summary(archive_summary(name, _public(archive))) for name, archive in data.archives.items()),
            Folded("Digests of the archives, and settings", (archives, settings)),
        ),
    )


def _public(archive: Archive) -> Archive:
    """Return the archive with an origin that may be shown to anybody."""
    return replace(archive, origin=_public_origin(archive.origin))


def _public_origin(origin: str) -> str:
    """Return an origin without private parts: local folders, user names, passwords and queries."""
    try:
        parts = urlsplit(origin)
    except ValueError:  # not a URL, such as the name of a folder
        return PureWindowsPath(origin).name
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return PureWindowsPath(origin).name  # accepts both kinds of slashes


def members_section(data: ReportData) -> Section:
    """Count the files of the archives: images and rejected files of each letter, and files outside the letters."""
    counts = file_counts(data.files).set_index(["letter", "set"])
    rows = [
        [
            number
            for name in SETS
            for number in _counts(counts["images"][letter, name], counts["rejected"][letter, name])
        ]
        for letter in LETTERS
    ]
    totals = [sum(numbers_of_column) for numbers_of_column in zip(*rows, strict=True)]
    outside, ignored = other_files(data.files, OUTSIDE), other_files(data.files, IGNORED)
    totals_with_outside = [total + (0 if i % 3 else outside[SETS[i // 3]]) for i, total in enumerate(totals)]
    heads = [
        column
        for place, name in enumerate(SETS)
        for column in (
            number_column(f"{name}: files", "" if place else "files in the letter's folder of the archive"),
            number_column("images", "" if place else "files that are readable as 28x28 gray images"),
            number_column("rejected", "" if place else "all others, each listed below with its reason"),
        )
    ]
    table = Table(
        "members-table",
        "Files of each letter in the archives",
        (text_column("letter"), *heads),
        [
            *((text_cell(letter), *map(count, row)) for letter, row in zip(LETTERS, rows, strict=True)),
            (
                text_cell("outside A-J"),
                *(cell for name in SETS for cell in (count(outside[name]), text_cell(""), text_cell(""))),
            ),
            (
                text_cell("all"),
                *map(count, totals_with_outside),
            ),
        ],
        total=True,
    )
    images, rejected = (sum(totals[first::3]) for first in (1, 2))
    of_outside, of_macos = sum(outside.values()), sum(ignored.values())
    tail = f" {counted(of_macos, 'file')} that macOS added to the archives, such as .DS_Store, are ignored."
    return Section(
        "members",
        f"{counted(images + rejected + of_outside, 'file')}: {counted(images, 'image')}, {rejected:,} rejected,"
        f" {of_outside:,} outside A-J",
        "Every file of the archives is an image, rejected for a reason, or not directly in a folder A to J."
        f"{tail if of_macos else ''}",
        (
            Summary(files_summary(data.files)),
            Folded("Files of each letter", (table, *([_outside_table(data.files)] if of_outside else []))),
        ),
    )


def _outside_table(files: pd.DataFrame) -> Table:
    """List examples of the files outside the letters."""
    found = files[files["outcome"] == OUTSIDE]
    return Table(
        "outside-table",
        "Files that are not directly in a folder A to J, which are in no dataset",
        (
            text_column("archive"),
            number_column("files"),
            text_column("path", "the first paths of each archive, in sorted order"),
        ),
        [
            (text_cell(row.set), count(row.files), code_cell(row.name) if row.name else text_cell("more"))
            for row in rows_of(found.head(MOST_ROWS))
        ],
        hidden=max(0, len(found) - MOST_ROWS),
    )


def _counts(images: int, rejected: int) -> tuple[int, int, int]:
    """Return the number of files, images and rejected files of a letter."""
    return int(images + rejected), int(images), int(rejected)


def rejected_section(data: ReportData) -> Section:
    """List the rejected files."""
    rejected = rejected_files(data.files)
    rejected = rejected.assign(letter=rejected["set"] + "/" + rejected["letter"], reason=rejected["outcome"])
    table = Table(
        "rejected-table",
        "Rejected files",
        (
            text_column("letter", "folder in the archive"),
            text_column("file"),
            number_column("bytes", "size of the file"),
            text_column("reason", "why the file was rejected"),
        ),
        [
            (text_cell(row.letter), code_cell(row.name), count(row.bytes), text_cell(row.reason))
            for row in rows_of(rejected.head(MOST_ROWS))
        ],
        hidden=max(0, len(rejected) - MOST_ROWS),
        empty="No file was rejected.",
    )
    return Section(
        "rejected",
        "Rejected files",
        "Files that are not readable 28x28 gray images are not in the splits.",
        (Folded(counted(len(rejected), "rejected file"), (table,)),),
        gallery="rejected",
    )


def letters_section(data: ReportData) -> Section:
    """Show sample images of each letter and set."""
    galleries: list[Block] = []
    for set_name in SETS:
        pictures = []
        splits = [data.splits[name] for name in SPLITS if SET_OF_SPLIT[name] == set_name]
        for number, letter in enumerate(LETTERS):
            images = np.concatenate([split.images[split.labels == number] for split in splits])
            pictures.append(
                Picture(
                    contact_sheet(images[evenly_spaced(len(images), _SHEET_IMAGES)], columns=8),
                    f"Images of letter {letter} from the {set_name} archive",
                    f"{letter}: {counted(len(images), 'row')}",
                )
            )
        shown = Pictures(
            f"From the {set_name} archive",
            f"Up to {_SHEET_IMAGES} rows per letter, evenly spaced over the splits before sanitizing.",
            pictures,
        )
        galleries.append(Folded(shown.title, (shown,)) if galleries else shown)
    return Section(
        "letters",
        "Images of each letter",
        "White is ink. The archives also contain images that show no letter.",
        galleries,
    )
