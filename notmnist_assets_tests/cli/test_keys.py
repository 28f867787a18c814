"""Asset keys as people type them."""

import dagster as dg
import pytest

from notmnist_assets.cli.keys import find_key, select_keys
from notmnist_assets.curation.core.errors import CurationError

KEYS = [
    dg.AssetKey(key.split("/"))
    for key in ("archives/small", "letters/small/A", "letters/small/B", "letters/large/A", "splits/test")
]


def names(keys: list[dg.AssetKey]) -> list[str]:
    return [key.to_user_string() for key in keys]


def test_a_key_or_its_first_parts_select_assets() -> None:
    assert select_keys(KEYS, []) == KEYS
    assert names(select_keys(KEYS, ["letters/small"])) == ["letters/small/A", "letters/small/B"]
    assert names(select_keys(KEYS, ["splits/test", "/letters/large/"])) == ["letters/large/A", "splits/test"]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("leters/small", "letters/small"),
        ("letters/smal", "letters/small"),
        ("split", "splits"),
        ("Letters/Small/a", "letters/small/A"),
    ],
)
def test_a_mistyped_name_is_refused_with_similar_ones(name: str, suggestion: str) -> None:
    with pytest.raises(CurationError, match="there is no such asset") as caught:
        select_keys(KEYS, ["splits", name])
    assert caught.value.subject == name
    assert caught.value.remedy.startswith("Did you mean ")
    assert suggestion in caught.value.remedy


def test_a_name_like_no_other_is_refused_with_the_command_that_lists_all() -> None:
    with pytest.raises(CurationError, match="notmnist status lists all assets"):
        find_key(KEYS, "zzzz")


def test_a_single_asset_is_found_only_by_its_complete_key() -> None:
    assert find_key(KEYS, "/splits/test/") == dg.AssetKey(["splits", "test"])
    with pytest.raises(CurationError, match=r"Did you mean .*splits/test"):
        find_key(KEYS, "splits")
