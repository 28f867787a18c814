"""Tables of the files of the archives."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.values import LetterImages, OtherFiles
from notmnist_assets.curation.reading.files import (
    ALL_LETTERS,
    IGNORED,
    OUTSIDE,
    border_by_set,
    distinct_images,
    file_counts,
    files_table,
    other_files,
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


def test_files_outside_the_letters_are_counted_beside_images_and_rejected_files() -> None:
    letters = found()
    outside, ignored = OtherFiles(480, ("small/K/0.png", "small/K/1.png")), OtherFiles(1, (".DS_Store",))
    letters["small"] = {
        letter: replace(value, outside=outside, ignored=ignored) for letter, value in letters["small"].items()
    }
    table = files_table(letters)
    assert other_files(table, OUTSIDE) == {"large": 0, "small": 480}
    assert other_files(table, IGNORED) == {"large": 0, "small": 1}
    assert table.loc[table["outcome"] == OUTSIDE, ["files", "name"]].to_numpy().tolist() == [
        [1, "small/K/0.png"],
        [1, "small/K/1.png"],
        [478, ""],
    ]
    before = files_table(found())
    pd.testing.assert_frame_equal(file_counts(table), file_counts(before))
    pd.testing.assert_frame_equal(
        rejected_files(table).reset_index(drop=True), rejected_files(before).reset_index(drop=True)
    )


def test_the_border_of_an_archive_is_the_mean_over_all_its_images() -> None:
    letters = found()
    borders = border_by_set(files_table(letters))
    for set_name, by_letter in letters.items():
        images = np.concatenate([value.images for value in by_letter.values()]).astype(float)
        inside = images[:, 1:-1, 1:-1]
        mean = (images.sum() - inside.sum()) / (images.size - inside.size) / 255
        assert borders[set_name] == pytest.approx(mean)
