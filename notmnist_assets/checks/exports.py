"""Checks of `exports/*`: the files hold what the splits hold.

Belongs here: reading files back by another way than the one that wrote them. The readers are beside the formats in
`curation`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO, Final

import dagster as dg
import pandas as pd
from upath import UPath

from notmnist_assets.assets.inputs import for_check, split_inputs
from notmnist_assets.checks.results import judged
from notmnist_assets.curation import idx_export, npz_export, parquet_export, pickle_export
from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets.metadata import table

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


def _agrees_with_splits(export: str, group: str, compare: Compare, description: str) -> dg.AssetChecksDefinition:
    key = dg.AssetKey(["exports", export])

    @dg.multi_asset_check(
        name=f"{export}_export_check",
        specs=[
            dg.AssetCheckSpec(
                _NAME, asset=key, additional_deps=[[group, name] for name in SPLITS], description=description
            )
        ],
        ins={
            "exported": dg.AssetIn(key=key, input_manager_key="export_io"),
            **for_check(split_inputs(group)),
        },
    )
    def agrees(exported: UPath, train: Split, valid: Split, test: Split) -> dg.AssetCheckResult:
        """Compare the files to the splits."""
        try:
            problems = compare({"train": train, "valid": valid, "test": test}, exported)
        except CurationError as error:
            problems = [str(error)]
        return judged(
            key,
            _NAME,
            passed=not problems,
            actual=len(problems),
            threshold=0,
            problems=table(pd.DataFrame({"problem": pd.Series(problems, dtype="str")})),
        )

    return agrees


pickle_check = _agrees_with_splits(
    "pickle",
    "splits",
    _in_file(pickle_export.disagreements),
    "Each array of the file has, byte for byte, the rows of its split. The file is read opcode by opcode and never"
    " unpickled.",
)
npz_check = _agrees_with_splits(
    "npz",
    "sanitized",
    _in_file(npz_export.disagreements),
    "Images, labels and names that NumPy reads from the file, without unpickling, are those of the sanitized splits.",
)
idx_check = _agrees_with_splits(
    "idx",
    "sanitized",
    _in_folder(idx_export.disagreements),
    "Images and labels in the files, by what each file's header says, are those of the sanitized splits.",
)
parquet_check = _agrees_with_splits(
    "parquet",
    "sanitized",
    _in_folder(parquet_export.disagreements),
    "Images, labels and sources in the files are those of the sanitized splits, and the features that `datasets` reads"
    " are described in the schema. Images are decoded by the reader of archives, every 64th by Pillow.",
)

CHECKS: Sequence[dg.AssetChecksDefinition] = [pickle_check, npz_check, idx_check, parquet_check]
