"""The dataset card describes the exported folder."""

import itertools
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import yaml

from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.exports.dataset_card import dataset_card, strip_header
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


def test_the_card_explains_every_column_and_names_the_origin() -> None:
    assert all(f"| `{name}` |" in card() for name in FEATURES)
    assert "Found in a drawer." in card()


@pytest.mark.parametrize("field", ["method", "remove_from", "conflicts", "repeats"])
def test_every_choice_of_a_policy_gives_a_different_card(field: str) -> None:
    choices = {"method": Method, "remove_from": RemoveFrom, "conflicts": Conflicts, "repeats": Repeats}[field]
    cards = [card(Policy(**{field: choice})) for choice in get_args(choices)]
    assert all(one != other for one, other in itertools.combinations(cards, 2))


def test_the_header_can_be_stripped() -> None:
    text = strip_header(card())
    assert text.startswith('# Letters: "A" to J\n')
    assert card().endswith(f"{text}\n")


def test_shifts_are_mentioned_only_where_the_near_method_uses_them() -> None:
    def text(method: Method, *, shifts: bool) -> str:
        return dataset_card(SPLITS, Policy(method), title="T", origin="O.", shifts=shifts)

    assert "also after one image is shifted by one pixel" in text("near", shifts=True)
    assert "shifted" not in text("near", shifts=False)
    assert "shifted" not in text("exact", shifts=True)


def test_images_whose_font_occurs_in_train_are_counted() -> None:
    fonts = {name: split.sources.assign(font="a.ttf") for name, split in SPLITS.items()}
    fonts["test"].loc[fonts["test"].index[:4], "font"] = "b.ttf"
    splits = {name: replace(split, sources=fonts[name]) for name, split in SPLITS.items()}
    text = dataset_card(splits, Policy(), title="T", origin="O.")
    assert "20 of 20 images of `validation` (100 %) and 6 of 10 images of `test` (60 %) have a font that" in text
    assert "A wrong label is found only if a duplicate has another label." in text


def test_rows_have_thousands_separators() -> None:
    many = SPLITS["train"].take(np.zeros(1_234, np.intp))
    assert "| all | 1,234 | 20 | 10 |" in dataset_card({**SPLITS, "train": many}, Policy(), title="T", origin="O.")
