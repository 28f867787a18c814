"""`exports/*`: the data in the formats of other programs.

Belongs here: which splits go where, and what a person is told about loading them. The file formats are in
`curation`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import BinaryIO, Final

import dagster as dg

from notmnist_assets.assets.inputs import split_inputs
from notmnist_assets.assets.sanitized import sanitize_policy
from notmnist_assets.curation import dataset_card
from notmnist_assets.curation import idx_export as idx_format
from notmnist_assets.curation import npz_export as npz_format
from notmnist_assets.curation import parquet_export as parquet_format
from notmnist_assets.curation import pickle_export as pickle_format
from notmnist_assets.curation.fingerprint import fingerprint
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split
from notmnist_assets.exported import ExportedFile, ExportedFolder
from notmnist_assets.resources import SettingsResource
from notmnist_assets.settings import Profile
from notmnist_assets.storage import WriteFile
from notmnist_assets.types import EXPORTED_ROWS, ExportedFileType, ExportedFolderType

CODE_VERSION = "1"
_PARQUET_CODE_VERSION: Final = "2"

_ORIGINS: Final[Mapping[Profile, tuple[str, str]]] = {
    "full": (
        "notMNIST, sanitized",
        'From the archives of Yaroslav Bulatov, "notMNIST dataset", 8 September 2011: letters of publicly available'
        " fonts. He estimates that about 6.5 % of the labels in `large` and about 0.5 % in `small` are wrong.",
    ),
    "sample": (
        "Letters rendered like notMNIST, sanitized",
        "Rendered by notmnist_assets from freely licensed fonts: not the images of notMNIST, but in their form.",
    ),
    "custom": (
        "Letters in the form of notMNIST, sanitized",
        "From archives in the form of notMNIST's that the user of notmnist_assets named.",
    ),
}


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
        " merged splits as float32 (n, 28, 28) = (pixel - 127.5) / 255 with int32 labels:"
        " `pickle.load(open(path, 'rb'))['train_dataset']`, `train_labels`, and the same of `valid` and `test`. It"
        " leaks as the assignment's own does: rows of valid and test are also in train (`overlap/report`). The clean"
        " splits are in `exports/parquet`, `exports/npz` and `exports/idx`."
    ),
)
def pickle_export(train: Split, valid: Split, test: Split) -> dg.MaterializeResult[ExportedFile]:
    """Stream the six arrays into one file."""
    splits = {"train": train, "valid": valid, "test": test}
    version = _version(splits)
    file = ExportedFile(pickle_format.FILE_NAME, version, partial(pickle_format.write_pickle, splits))
    return dg.MaterializeResult(value=file, data_version=dg.DataVersion(version), metadata=_rows(splits))


@dg.asset(
    key=["exports", "npz"],
    group_name="exports",
    code_version=CODE_VERSION,
    io_manager_key="export_io",
    dagster_type=ExportedFileType,
    kinds={"numpy"},
    ins=split_inputs("sanitized"),
    description=(
        "notMNIST.npz, the sanitized splits for NumPy: `numpy.load(path)['train_images']` is uint8 (n, 28, 28),"
        " beside it are `train_labels` int32 (n,) with 0 to 9 for A to J, `train_names`, the files' names in"
        " UTF-8, and the same of `valid` and `test`. It holds no pickled objects and is not compressed."
    ),
)
def npz_export(train: Split, valid: Split, test: Split) -> dg.MaterializeResult[ExportedFile]:
    """Stream the nine arrays into one file."""
    splits = {"train": train, "valid": valid, "test": test}
    version = _version(splits)
    file = ExportedFile(npz_format.FILE_NAME, version, partial(npz_format.write_npz, splits))
    return dg.MaterializeResult(value=file, data_version=dg.DataVersion(version), metadata=_rows(splits))


@dg.asset(
    key=["exports", "idx"],
    group_name="exports",
    code_version=CODE_VERSION,
    io_manager_key="export_io",
    dagster_type=ExportedFolderType,
    kinds={"file"},
    ins=split_inputs("sanitized"),
    description=(
        "The sanitized splits as a folder in MNIST's own format, unpacked, for programs that read MNIST:"
        " `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` with 0 to 9 for A to J, the test set as"
        " `t10k-...` as there, and `valid-...`, which MNIST lacks. Row n is row n of sanitized/*. Without a reader:"
        " `numpy.fromfile(path, 'u1', offset=16).reshape(-1, 28, 28)`; for labels,"
        " `numpy.fromfile(path, 'u1', offset=8)`."
    ),
)
def idx_export(train: Split, valid: Split, test: Split) -> dg.MaterializeResult[ExportedFolder]:
    """Stream images and labels of each split into a file each."""
    splits = {"train": train, "valid": valid, "test": test}
    version = _version(splits)
    folder = ExportedFolder(version, idx_format.write_files(splits))
    return dg.MaterializeResult(value=folder, data_version=dg.DataVersion(version), metadata=_rows(splits))


@dg.asset(
    key=["exports", "parquet"],
    group_name="exports",
    code_version=_PARQUET_CODE_VERSION,
    io_manager_key="export_io",
    dagster_type=ExportedFolderType,
    kinds={"huggingface", "parquet"},
    ins=split_inputs("sanitized"),
    metadata={"dagster/column_schema": EXPORTED_ROWS},
    description=(
        "The sanitized splits as a folder for Hugging Face: `datasets.load_dataset(folder, split='train')`,"
        " `validation` or `test` gives an image, a class label A to J, and set, letter, file name and font of each"
        " row. README.md is the dataset card."
    ),
)
def parquet_export(
    settings: SettingsResource, train: Split, valid: Split, test: Split
) -> dg.MaterializeResult[ExportedFolder]:
    """Stream each split into a file, and write the card."""
    splits = {"train": train, "valid": valid, "test": test}
    chosen = settings.read()
    title, origin = _ORIGINS[chosen.profile]
    card = dataset_card.dataset_card(
        splits, sanitize_policy(chosen), title=title, origin=origin, shifts=chosen.near_shifts
    )
    version = _version(splits, card)
    files: dict[str, WriteFile] = {dataset_card.FILE_NAME: partial(_write_text, card)}
    files |= parquet_format.write_files(splits)
    return dg.MaterializeResult(
        value=ExportedFolder(version, files),
        data_version=dg.DataVersion(version),
        metadata={**_rows(splits), "dataset_card": dg.MetadataValue.md(dataset_card.without_header(card))},
    )


def _version(splits: Mapping[str, Split], *texts: str) -> str:
    parts = [CODE_VERSION, *(fingerprint(splits[name]) for name in SPLITS), *texts]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _rows(splits: Mapping[str, Split]) -> dict[str, int]:
    rows = sum(len(split) for split in splits.values())
    by_split = {f"rows: {name}": len(split) for name, split in splits.items()}
    return {"rows": rows, **by_split, "dagster/row_count": rows}


def _write_text(text: str, file: BinaryIO) -> None:
    file.write(text.encode())


ASSETS: Sequence[dg.AssetsDefinition] = [pickle_export, npz_export, idx_export, parquet_export]
