"""The dataset card tells what is in the folder."""

import itertools
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import yaml

from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.exports.dataset_card import dataset_card, without_header
from notmnist_assets.curation.exports.parquet import FEATURES, FILE_NAMES
from notmnist_assets.curation.sanitizing.decision import Conflicts, Policy, RemoveFrom, Repeats
from notmnist_assets_tests.exported import three_splits

SPLITS = three_splits(30, 20, 10)


def card(policy: Policy | None = None) -> str:
    return dataset_card(SPLITS, policy or Policy(), title='Letters: "A" to J', origin="Found in a drawer.")


def test_the_header_names_every_file_by_its_split() -> None:
    header = yaml.safe_load(card().split("---\n")[1])
    (config,) = header["configs"]
    found = {item["split"]: item["path"] for item in config["data_files"]}
    assert found == {path.removesuffix(".parquet"): path for path in FILE_NAMES.values()}
    assert header["pretty_name"] == 'Letters: "A" to J'
    assert header["size_categories"] == ["n<1K"]


def test_rows_are_counted_by_letter_and_split() -> None:
    text = card()
    assert "| all | 30 | 20 | 10 |" in text
    counts = [int((split.labels == 3).sum()) for split in SPLITS.values()]
    assert "| D | " + " | ".join(map(str, counts)) + " |" in text


def test_every_column_is_explained_and_the_origin_told() -> None:
    assert all(f"| `{name}` |" in card() for name in FEATURES)
    assert "Found in a drawer." in card()


@pytest.mark.parametrize("field", ["method", "remove_from", "conflicts", "repeats"])
def test_every_policy_has_a_card_of_its_own(field: str) -> None:
    choices = {"method": Method, "remove_from": RemoveFrom, "conflicts": Conflicts, "repeats": Repeats}[field]
    cards = [card(Policy(**{field: choice})) for choice in get_args(choices)]
    assert all(one != other for one, other in itertools.combinations(cards, 2))


def test_people_are_shown_the_card_without_its_header() -> None:
    shown = without_header(card())
    assert shown.startswith('# Letters: "A" to J\n')
    assert card().endswith(f"{shown}\n")


def test_copies_moved_by_a_pixel_are_told_where_they_count() -> None:
    def told(method: Method, *, shifts: bool) -> str:
        return dataset_card(SPLITS, Policy(method), title="T", origin="O.", shifts=shifts)

    assert "also after moving one image by one pixel" in told("near", shifts=True)
    assert "moving" not in told("near", shifts=False)
    assert "moving" not in told("exact", shifts=True)


def test_images_whose_font_is_known_from_training_are_counted() -> None:
    fonts = {name: split.sources.assign(font="a.ttf") for name, split in SPLITS.items()}
    fonts["test"].loc[fonts["test"].index[:4], "font"] = "b.ttf"
    splits = {name: replace(split, sources=fonts[name]) for name, split in SPLITS.items()}
    text = dataset_card(splits, Policy(), title="T", origin="O.")
    assert "20 of 20 images of `validation` (100 %) and 6 of 10 images of `test` (60 %): " in text
    assert "Wrong labels without a duplicate are not found." in text


def test_rows_have_thousands_separators() -> None:
    many = SPLITS["train"].take(np.zeros(1_234, np.intp))
    assert "| all | 1,234 | 20 | 10 |" in dataset_card({**SPLITS, "train": many}, Policy(), title="T", origin="O.")
