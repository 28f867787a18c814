"""A value that fails its type check fails its step before it is stored."""

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from notmnist_assets.assets import hashes
from notmnist_assets.curation.core.values import LetterImages, Split
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.storage import types
from notmnist_assets_tests.builders import letters_of, random_split
from notmnist_assets_tests.storage.test_io_managers import store

SPLIT = random_split(20)
LETTER = letters_of("small", [3] * 10)["A"]
HASHES = hash_table(SPLIT)
HASHES_TYPE = hashes.HASHES["test"].dagster_type


def wrong_tables() -> dict[str, pd.DataFrame]:
    return {
        "a missing column": HASHES.drop(columns="ink"),
        "a further column": HASHES.assign(more=1),
        "another order": HASHES[HASHES.columns[::-1]],
        "numbers for text": HASHES.assign(exact=1),
        "text for numbers": HASHES.assign(ink="much"),
        "fractions for whole numbers": HASHES.assign(label=0.5),
    }


WRONG: dict[str, tuple[Any, str, dg.DagsterType]] = {
    "an array for a split": (SPLIT.images, "split_io", types.SplitType),
    "letters for a split": (LETTER, "split_io", types.SplitType),
    "a split for letters": (SPLIT, "letters_io", types.LetterImagesType),
    "a path for an archive": ("x.tar.gz", "archive_io", types.ArchiveType),
    "bytes for an export": (b"x", "export_io", types.ExportedFileType),
    "a dict for a table": ({"row": [1]}, "table_io", HASHES_TYPE),
    **{name: (table, "table_io", HASHES_TYPE) for name, table in wrong_tables().items()},
}


@pytest.mark.parametrize(("value", "manager", "kind"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_value_is_never_written(values: Path, value: Any, manager: str, kind: dg.DagsterType) -> None:
    assert not store(lambda: value, manager, kind).success
    assert not values.exists()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((3, 28, 28), np.float32),
        np.zeros((3, 28, 27), np.uint8),
        np.zeros((3, 784), np.uint8),
        np.zeros((3, 28, 28, 1), np.uint8),
    ],
    ids=["float", "narrow", "flat", "with a channel"],
)
def test_images_of_another_form_make_no_value(images: Any) -> None:
    with pytest.raises(ValueError, match="uint8"):
        LetterImages(images, LETTER.names, LETTER.rejected)
    with pytest.raises(ValueError, match="uint8"):
        Split(images, SPLIT.labels[:3], SPLIT.sources.head(3))


@pytest.mark.usefixtures("values")
def test_the_reason_names_column_and_kind() -> None:
    (event,) = (
        event
        for event in store(lambda: HASHES.assign(ink="much"), "table_io", HASHES_TYPE).all_events
        if event.is_step_failure
    )
    assert "ink is" in str(event.step_failure_data.error)
    assert "expected float64" in str(event.step_failure_data.error)
