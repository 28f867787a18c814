"""The assets `grouped/*`: metadata of images that no split got."""

from collections.abc import Iterable
from typing import Any, ClassVar, cast

import dagster as dg
import numpy as np
import pytest

from notmnist_assets.assets.grouped import grouped
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.curation.core.prefetch import WorkMap
from notmnist_assets.curation.core.values import LetterImages
from notmnist_assets.curation.duplicates.near import near_pairs
from notmnist_assets.curation.duplicates.radius import radius_curve
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.sanitizing.grouping import Pool, index_pool, pool_letters
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets_tests.builders import letters_of


class LettersInMemory(ValueLoader):
    """Stored values with letters in memory."""

    by_set: ClassVar[dict[str, dict[str, LetterImages]]]

    def letters(self, set_name: str) -> dict[str, LetterImages]:
        return self.by_set[set_name]

    def pool(self, radius: float, _: WorkMap | None = None) -> tuple[Pool, RowIndex]:
        pool = pool_letters(self.by_set)
        return pool, index_pool(pool, radius)


@pytest.mark.parametrize(
    ("repeats", "reason", "left"), [("keep", "group larger than every split", 58), ("drop", "repeat", 57)]
)
def test_images_of_one_big_group_are_counted(
    repeats: str, reason: str, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_SANITIZE_REPEATS", repeats)
    for name, size in {"TRAIN": "200", "VALID": "50", "TEST": "50"}.items():
        monkeypatch.setenv(f"NOTMNIST_{name}_SIZE", size)
    LettersInMemory.by_set = {name: letters_of(name, [30] * 10, seed) for seed, name in enumerate(SETS)}
    LettersInMemory.by_set["large"]["I"].images[2:] = 200
    LettersInMemory.by_set["small"]["I"].images[:] = 200
    settings = SettingsResource()
    pairs = near_pairs(np.zeros((1, 28, 28), np.uint8), 1.0)
    results = grouped(
        dg.build_asset_context(),
        settings=settings,
        values=LettersInMemory(settings=settings),
        cluster=ClusterResource(settings=settings),
        radius=radius_curve(pairs, np.ones((1, 10), np.int64), [0.0, 1.0]).assign(chosen=[False, True]),
    )
    materialized = list(cast("Iterable[dg.MaterializeResult[Any]]", results))
    assert len(materialized) == 3
    labels = np.concatenate([result.value.labels for result in materialized])
    assert int((labels == 8).sum()) == 60 - left
    for result in materialized:
        metadata = cast("dict[str, Any]", result.metadata)
        assert metadata["images_left_out"] == left + 9 * 30
        assert metadata["thinned_most"].startswith("I (9")
        (letter_i,) = [record.data for record in metadata["left_out"].records if record.data["letter"] == "I"]
        assert letter_i == {
            "letter": "I",
            "reason": reason,
            "images": left,
            "groups": 1,
            "largest_group": 58,
        }
