"""Tables of the files of the archives."""

from dataclasses import replace

import pandas as pd

from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.values import LetterImages
from notmnist_assets.curation.reading.files import (
    ALL_LETTERS,
    distinct_images,
    file_counts,
    files_table,
    readable_files,
    rejected_files,
)
from notmnist_assets_tests.builders import letters_of


def found() -> dict[str, dict[str, LetterImages]]:
    letters = {name: letters_of(name, [4] * len(LETTERS), seed) for seed, name in enumerate(SETS)}
    rejected = pd.DataFrame({"name": ["bad.png", "worse.png"], "bytes": [7, 0], "reason": ["no PNG file", "empty"]})
    letters["small"]["C"] = replace(letters["small"]["C"], rejected=rejected)
    return letters


def test_readable_and_rejected_files_are_those_of_the_letters() -> None:
    letters = found()
    table = files_table(letters)
    counts = file_counts(table).set_index(["set", "letter"])
    for set_name, by_letter in letters.items():
        assert readable_files(table, set_name) == [len(by_letter[letter]) for letter in LETTERS]
        for letter, value in by_letter.items():
            assert counts["rejected"][set_name, letter] == len(value.rejected)
    rejected = rejected_files(table)
    assert rejected[["set", "letter", "outcome", "name", "bytes"]].to_numpy().tolist() == [
        ["small", "C", "no PNG file", "bad.png", 7],
        ["small", "C", "empty", "worse.png", 0],
    ]


def test_distinct_images_are_counted_across_letters() -> None:
    letters = found()
    letters["small"]["B"] = replace(letters["small"]["A"])
    table = files_table(letters)
    pixels = {image.tobytes() for value in letters["small"].values() for image in value.images}
    assert distinct_images(table, "small") == len(pixels) == 36
    of_all = table[(table["set"] == "small") & (table["letter"] == ALL_LETTERS)]
    assert of_all["files"].tolist() == [40]
