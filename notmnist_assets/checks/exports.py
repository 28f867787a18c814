"""Checks of the `exports/*` assets: read the stored files and compare them with the splits."""

from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO, Final

import dagster as dg
import pandas as pd
from upath import UPath

from notmnist_assets.assets.declaration import Declaration
from notmnist_assets.assets.exports import IDX, NPZ, PARQUET, PICKLE
from notmnist_assets.assets.sanitized import SANITIZED
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.checks.results import check_result
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.exports import idx, npz, parquet, pickle_file
from notmnist_assets.metadata.display import table

_NAME: Final = "agrees_with_splits"

Compare = Callable[[Mapping[str, Split], UPath], list[str]]
"""Returns a sentence per difference between the splits and the export at a path."""


def _in_file(find_differences: Callable[[Mapping[str, Split], BinaryIO], list[str]]) -> Compare:
    def compare(splits: Mapping[str, Split], path: UPath) -> list[str]:
        with path.open("rb") as opened:
            return find_differences(splits, opened)

    return compare


def _in_folder(find_differences: Callable[[Mapping[str, Split], Callable[[str], BinaryIO]], list[str]]) -> Compare:
    def compare(splits: Mapping[str, Split], path: UPath) -> list[str]:
        return find_differences(splits, lambda name: (path / name).open("rb"))

    return compare


def _agrees_with_splits(
    export: Declaration, splits: Mapping[str, Declaration], compare: Compare, description: str
) -> dg.AssetChecksDefinition:
    key = export.asset_key

    @dg.multi_asset_check(
        name=f"{export.path[-1]}_export_check",
        specs=[
            dg.AssetCheckSpec(
                _NAME,
                asset=key,
                additional_deps=[split.asset_key for split in splits.values()],
                description=description,
            )
        ],
        ins={
            "exported": export.check_input,
            **{name: split.check_input for name, split in splits.items()},
        },
    )
    def agrees(exported: UPath, train: Split, valid: Split, test: Split) -> dg.AssetCheckResult:
        """Compare the files with the splits."""
        try:
            problems = compare({"train": train, "valid": valid, "test": test}, exported)
        except CurationError as error:
            problems = [str(error)]
        return check_result(
            key,
            _NAME,
            passed=not problems,
            actual=len(problems),
            threshold=0,
            problems=table(pd.DataFrame({"problem": pd.Series(problems, dtype="str")})),
        )

    return agrees


pickle_check = _agrees_with_splits(
    PICKLE,
    SPLIT_ASSETS,
    _in_file(pickle_file.find_differences),
    "The arrays of the file equal the images and labels of splits/*, bit by bit. The file is read by an"
    " unpickler that can call only numpy.ndarray and slice.",
)
npz_check = _agrees_with_splits(
    NPZ,
    SANITIZED,
    _in_file(npz.find_differences),
    "The images, labels and file names that NumPy reads from the file, without pickle, equal those of the sanitized"
    " splits.",
)
idx_check = _agrees_with_splits(
    IDX,
    SANITIZED,
    _in_folder(idx.find_differences),
    "The images and labels in the files, with the shapes in their headers, equal those of the sanitized splits.",
)
parquet_check = _agrees_with_splits(
    PARQUET,
    SANITIZED,
    _in_folder(parquet.find_differences),
    "The images, labels and sources in the files equal those of the sanitized splits, and the schema describes the"
    " features for `datasets`. Images are decoded by the reader of archives, every 64th by Pillow.",
)

CHECKS: Sequence[dg.AssetChecksDefinition] = [pickle_check, npz_check, idx_check, parquet_check]
