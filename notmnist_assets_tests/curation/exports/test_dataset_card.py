"""The dataset card describes the exported folder."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import yaml

from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.exports.dataset_card import dataset_card, strip_header
from notmnist_assets.curation.exports.parquet import FEATURES, FILE_NAMES
from notmnist_assets.curation.sanitizing.decision import Conflicts, Policy, RemoveFrom, Repeats
from notmnist_assets_tests.exported import three_splits

SPLITS = three_splits(30, 20, 10)


def card(policy: Policy | None = None, splits: Mapping[str, Split] = SPLITS, **options: Any) -> str:
    words: dict[str, Any] = {"title": 'Letters: "A" to J', "origin": "Found in a drawer.", "radius": 5.0}
    return dataset_card(splits, policy or Policy(), **(words | options))


def header(card: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return found


def test_the_header_names_every_file_by_its_split() -> None:
    (config,) = header(card())["configs"]
    found = {item["split"]: item["path"] for item in config["data_files"]}
    assert found == {path.removesuffix(".parquet"): path for path in FILE_NAMES.values()}
    assert header(card())["pretty_name"] == 'Letters: "A" to J'
    assert header(card())["size_categories"] == ["n<1K"]


@pytest.mark.parametrize(("sizes", "listed"), [((9, 0, 2), ["train", "test"]), ((0, 3, 0), ["validation"])])
def test_splits_without_rows_are_not_listed_and_the_card_says_so(
    sizes: tuple[int, int, int], listed: list[str]
) -> None:
    text = card(splits=three_splits(*sizes))
    (config,) = header(text)["configs"]
    assert [item["split"] for item in config["data_files"]] == listed
    empty = {"train", "validation", "test"}.difference(listed)
    assert all(f"`{name}` has no rows; `load_dataset` does not return it." in text for name in empty)
    assert "has no rows" not in card()
    assert f'dataset["{listed[-1]}"][0]' in text


def test_a_card_without_any_rows_lists_no_files() -> None:
    text = card(splits=three_splits(0, 0, 0))
    assert "configs" not in header(text)
    assert text.count("has no rows") == 3


def test_the_card_gives_the_radius_that_was_used() -> None:
    assert "of at most 5, the radius in `overlap/radius`" in card(Policy("near"))
    assert "of at most 2.5, the radius" in card(Policy("near"), radius=2.5)
    assert "of at most" not in card(Policy("exact"))


def test_a_licence_is_named_only_if_it_is_known() -> None:
    assert header(card())["license"] == "unknown"
    assert "No licence of the images is known." in card()
    assert header(card(licence="mit"))["license"] == "mit"
    assert "under the licence `mit`" in card(licence="mit")


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
    assert "also after one image is shifted by one pixel" in card(Policy("near"), shifts=True)
    assert "shifted" not in card(Policy("near"), shifts=False)
    assert "shifted" not in card(Policy("exact"), shifts=True)


def test_images_whose_font_occurs_in_train_are_counted() -> None:
    fonts = {name: split.sources.assign(font="a.ttf") for name, split in SPLITS.items()}
    fonts["test"].loc[fonts["test"].index[:4], "font"] = "b.ttf"
    splits = {name: replace(split, sources=fonts[name]) for name, split in SPLITS.items()}
    text = card(splits=splits)
    assert "20 of 20 images of `validation` (100 %) and 6 of 10 images of `test` (60 %) have a font that" in text
    assert "A wrong label is found only if a duplicate has another label." in text


def test_rows_have_thousands_separators() -> None:
    many = SPLITS["train"].take(np.zeros(1_234, np.intp))
    assert "| all | 1,234 | 20 | 10 |" in card(splits={**SPLITS, "train": many})
