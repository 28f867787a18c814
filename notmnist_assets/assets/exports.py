"""`exports/pickle`: the data in the formats of other programs.

Belongs here: which splits go where. The file formats are in `curation`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import BinaryIO

import dagster as dg

from notmnist_assets.assets.inputs import split_inputs
from notmnist_assets.curation.fingerprint import fingerprint
from notmnist_assets.curation.pickle_export import FILE_NAME, write_pickle
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets.failures import explained
from notmnist_assets.types import ExportedFile, ExportedFileType

CODE_VERSION = "1"


def _version(code: str, splits: Mapping[str, Split]) -> str:
    parts = [code, *(fingerprint(splits[name]) for name in SPLITS)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dg.asset(
    key=["exports", "pickle"],
    group_name="exports",
    code_version=CODE_VERSION,
    io_manager_key="export_io",
    dagster_type=ExportedFileType,
    kinds={"python"},
    ins=split_inputs("splits"),
    description=(
        "notMNIST.pickle as the assignment writes it and its later lessons load it: train, valid and test of the"
        " merged splits as float32 (n, 28, 28) = (pixel - 127.5) / 255 with int32 labels."
    ),
)
def pickle_export(train: Split, valid: Split, test: Split) -> dg.MaterializeResult[ExportedFile]:
    """Stream the six arrays into one file."""
    splits = {"train": train, "valid": valid, "test": test}
    version = _version(CODE_VERSION, splits)

    def write(file: BinaryIO) -> None:
        with explained():
            write_pickle(splits, file)

    return dg.MaterializeResult(
        value=ExportedFile(FILE_NAME, version, write),
        data_version=dg.DataVersion(version),
        metadata={"rows": sum(len(split) for split in splits.values())},
    )


ASSETS: Sequence[dg.AssetsDefinition] = [pickle_export]
