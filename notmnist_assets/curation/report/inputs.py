"""What went in: archives, settings, members of each letter, rejected files, pictures of the letters.

Belongs here: the sections before anything is compared.
"""

from pathlib import PureWindowsPath
from urllib.parse import urlsplit

import numpy as np

from notmnist_assets.curation.core.figures import contact_sheet
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.curation.reading.files import file_counts, rejected_files
from notmnist_assets.curation.report.blocks import (
    MOST_ROWS,
    Picture,
    Pictures,
    Section,
    Table,
    code,
    count,
    numbers,
    rows_of,
    variable,
    word,
    words,
)
from notmnist_assets.curation.report.data import ReportData
from notmnist_assets.curation.splitting.splits import SET_OF_SPLIT, SPLITS

_SHEET_IMAGES = 40


def archives_section(data: ReportData) -> Section:
    """Tell of the archives and the settings."""
    archives = Table(
        "archives-table",
        "The archives, verified before anything was read from them",
        (
            words("archive"),
            words("origin", "where the bytes came from"),
            numbers("bytes", "size of the compressed file"),
            words("SHA-256", "digest of the file: equal digests mean equal archives"),
        ),
        [
            (word(name), word(_place(archive.origin)), count(archive.bytes), code(archive.sha256))
            for name, archive in data.archives.items()
        ],
    )
    settings = Table(
        "settings-table",
        "The settings that made the values on this page",
        (words("setting"), words("value"), words("meaning")),
        [(variable(shown.name), word(shown.value), word(shown.meaning)) for shown in data.settings],
    )
    return Section(
        "archives",
        "What went in",
        "Both archives, byte for byte, and the settings with which everything was made of them.",
        (archives, settings),
    )


def _place(origin: str) -> str:
    """Return an origin without what is private to a machine: folders, users, passwords, queries."""
    try:
        parts = urlsplit(origin)
    except ValueError:  # no URL, such as a folder's name
        return PureWindowsPath(origin).name
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return PureWindowsPath(origin).name  # which knows both kinds of slashes


def members_section(data: ReportData) -> Section:
    """Count members, images and rejected files of each letter."""
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
    heads = [
        column
        for place, name in enumerate(SETS)
        for column in (
            numbers(f"{name}: members", "" if place else "files in the letter's folder of the archive"),
            numbers("images", "" if place else "files that are readable as 28x28 gray pictures"),
            numbers("rejected", "" if place else "files that are not, each listed below with its reason"),
        )
    ]
    table = Table(
        "members-table",
        "Files of each letter in the archives",
        (words("letter"), *heads),
        [
            *((word(letter), *map(count, row)) for letter, row in zip(LETTERS, rows, strict=True)),
            (word("all"), *map(count, totals)),
        ],
        total=True,
    )
    return Section(
        "members",
        "Nothing lost",
        "Every file of the archives is either an image or rejected for a reason: members = images + rejected.",
        (table,),
    )


def _counts(images: int, rejected: int) -> tuple[int, int, int]:
    """Return members, images and rejected files of a letter."""
    return int(images + rejected), int(images), int(rejected)


def rejected_section(data: ReportData) -> Section:
    """List the rejected files."""
    found = rejected_files(data.files)
    rejected = found.assign(letter=found["set"] + "/" + found["letter"], reason=found["outcome"])
    table = Table(
        "rejected-table",
        "Rejected files",
        (
            words("letter"),
            words("file"),
            numbers("bytes", "its size in the archive"),
            words("reason", "why it is no image"),
        ),
        [
            (word(row.letter), code(row.name), count(row.bytes), word(row.reason))
            for row in rows_of(rejected.head(MOST_ROWS))
        ],
        hidden=max(0, len(rejected) - MOST_ROWS),
        empty="Every file was readable.",
    )
    return Section(
        "rejected",
        "What was rejected",
        "Files that could not be read as a picture of 28 by 28 pixels were left out before the splits were drawn.",
        (table,),
    )


def letters_section(data: ReportData) -> Section:
    """Show images of each letter and set."""
    galleries = []
    for set_name in SETS:
        pictures = []
        splits = [data.splits[name] for name in SPLITS if SET_OF_SPLIT[name] == set_name]
        for number, letter in enumerate(LETTERS):
            images = np.concatenate([split.images[split.labels == number] for split in splits])
            pictures.append(
                Picture(
                    contact_sheet(images[evenly_spaced(len(images), _SHEET_IMAGES)], columns=8),
                    f"Images of the letter {letter} from the {set_name} archive",
                    f"{letter}: {counted(len(images), 'row')}",
                )
            )
        galleries.append(
            Pictures(
                f"From the {set_name} archive",
                f"Up to {_SHEET_IMAGES} rows of each letter, evenly spaced over the merged splits.",
                pictures,
            )
        )
    return Section(
        "letters",
        "What the letters look like",
        "White is ink. Pictures that show no letter at all are in the archives too.",
        galleries,
    )
