"""Checks of `exports/*`: the files hold what the splits hold.

Belongs here: reading files back by another way than the one that wrote them. The readers are beside the formats in
`curation`.
"""

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
"""Tells in words what differs between the splits and the export at a path."""


def _in_file(disagreements: Callable[[Mapping[str, Split], BinaryIO], list[str]]) -> Compare:
    def compare(splits: Mapping[str, Split], path: UPath) -> list[str]:
        with path.open("rb") as opened:
            return disagreements(splits, opened)

    return compare


def _in_folder(disagreements: Callable[[Mapping[str, Split], Callable[[str], BinaryIO]], list[str]]) -> Compare:
    def compare(splits: Mapping[str, Split], path: UPath) -> list[str]:
        return disagreements(splits, lambda name: (path / name).open("rb"))

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
        """Compare the files to the splits."""
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
    _in_file(pickle_file.disagreements),
    "Each array of the file has, byte for byte, the rows of its split. The file is read opcode by opcode and never"
    " unpickled.",
)
npz_check = _agrees_with_splits(
    NPZ,
    SANITIZED,
    _in_file(npz.disagreements),
    "Images, labels and names that NumPy reads from the file, without unpickling, are those of the sanitized splits.",
)
idx_check = _agrees_with_splits(
    IDX,
    SANITIZED,
    _in_folder(idx.disagreements),
    "Images and labels in the files, by what each file's header says, are those of the sanitized splits.",
)
parquet_check = _agrees_with_splits(
    PARQUET,
    SANITIZED,
    _in_folder(parquet.disagreements),
    "Images, labels and sources in the files are those of the sanitized splits, and the features that `datasets` reads"
    " are described in the schema. Images are decoded by the reader of archives, every 64th by Pillow.",
)

CHECKS: Sequence[dg.AssetChecksDefinition] = [pickle_check, npz_check, idx_check, parquet_check]
