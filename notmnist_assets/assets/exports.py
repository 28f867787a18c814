"""Defines `exports/*`: the splits in the formats of other programs."""

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import BinaryIO, Final

import dagster as dg

from notmnist_assets.assets.declaration import Declaration, Stage
from notmnist_assets.assets.sanitized import POLICY_SETTINGS, SANITIZED, sanitize_policy
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.values import FILE_COLUMNS, Split
from notmnist_assets.curation.exports import dataset_card
from notmnist_assets.curation.exports import idx as idx_format
from notmnist_assets.curation.exports import npz as npz_format
from notmnist_assets.curation.exports import parquet as parquet_format
from notmnist_assets.curation.exports import pickle_file as pickle_format
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.metadata.columns import Column
from notmnist_assets.settings.model import Profile
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.exported import ExportedFile, ExportedFolder
from notmnist_assets.storage.store import WriteFile
from notmnist_assets.storage.types import ExportedFileType, ExportedFolderType

_CONTENT_VERSION: Final = "1"
"""Part of the identity of each export's content."""

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


PICKLE: Final = Declaration(
    key="exports/pickle",
    code_version="2",
    role="export",
    dagster_type=ExportedFileType,
    io_manager="export_io",
    kinds={"python"},
    is_endpoint=True,
    description=(
        "notMNIST.pickle as the assignment writes it and its later lessons load it: train, valid and test of the"
        " merged splits as float32 (n, 28, 28) = (pixel - 127.5) / 255 with int32 labels:"
        " `pickle.load(open(path, 'rb'))['train_dataset']`, `train_labels`, and the same of `valid` and `test`. It"
        " leaks as the assignment's own does: rows of valid and test are also in train (`overlap/report`). The clean"
        " splits are in `exports/parquet`, `exports/npz` and `exports/idx`."
    ),
)


@PICKLE.asset(ins={name: declaration.input for name, declaration in SPLIT_ASSETS.items()})
def pickle_export(train: Split, valid: Split, test: Split) -> dg.MaterializeResult[ExportedFile]:
    """Write the six arrays into one file, one at a time."""
    splits = {"train": train, "valid": valid, "test": test}
    version = _version(splits, PICKLE.code_version)
    file = ExportedFile(pickle_format.FILE_NAME, version, partial(pickle_format.write_pickle, splits))
    return dg.MaterializeResult(value=file, data_version=dg.DataVersion(version), metadata=_rows(splits))


NPZ: Final = Declaration(
    key="exports/npz",
    code_version="1",
    role="export",
    dagster_type=ExportedFileType,
    io_manager="export_io",
    kinds={"numpy"},
    is_endpoint=True,
    description=(
        "notMNIST.npz, the sanitized splits for NumPy: `numpy.load(path)['train_images']` is uint8 (n, 28, 28),"
        " beside it are `train_labels` int32 (n,) with 0 to 9 for A to J, `train_names`, the files' names in"
        " UTF-8, and the same of `valid` and `test`. It holds no pickled objects and is not compressed."
    ),
)


@NPZ.asset(ins={name: declaration.input for name, declaration in SANITIZED.items()})
def npz_export(train: Split, valid: Split, test: Split) -> dg.MaterializeResult[ExportedFile]:
    """Stream the nine arrays into one file."""
    splits = {"train": train, "valid": valid, "test": test}
    version = _version(splits)
    file = ExportedFile(npz_format.FILE_NAME, version, partial(npz_format.write_npz, splits))
    return dg.MaterializeResult(value=file, data_version=dg.DataVersion(version), metadata=_rows(splits))


IDX: Final = Declaration(
    key="exports/idx",
    code_version="1",
    role="export",
    dagster_type=ExportedFolderType,
    io_manager="export_io",
    kinds={"file"},
    is_endpoint=True,
    description=(
        "The sanitized splits as a folder in MNIST's own format, unpacked, for programs that read MNIST:"
        " `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` with 0 to 9 for A to J, the test set as"
        " `t10k-...` as there, and `valid-...`, which MNIST lacks. Row n is row n of sanitized/*. Without a reader:"
        " `numpy.fromfile(path, 'u1', offset=16).reshape(-1, 28, 28)`; for labels,"
        " `numpy.fromfile(path, 'u1', offset=8)`."
    ),
)


@IDX.asset(ins={name: declaration.input for name, declaration in SANITIZED.items()})
def idx_export(train: Split, valid: Split, test: Split) -> dg.MaterializeResult[ExportedFolder]:
    """Stream images and labels of each split into a file each."""
    splits = {"train": train, "valid": valid, "test": test}
    version = _version(splits)
    folder = ExportedFolder(version, idx_format.write_files(splits))
    return dg.MaterializeResult(value=folder, data_version=dg.DataVersion(version), metadata=_rows(splits))


_FROM_SANITIZED: Final = {column: {"sanitized/*": (column,)} for column in ("label", "set", "letter", "name", "font")}
_PARQUET_COLUMNS: Final = {
    "image": Column(
        "struct<bytes: binary, path: string>",
        "PNG file, and `<set>/<letter>/<name>` of its source",
        {"sanitized/*": ("image", *FILE_COLUMNS)},
    ),
    "label": Column("int64", "class label, 0 to 9 for A to J", _FROM_SANITIZED["label"]),
    "set": Column("string", "archive the image is from, large or small", _FROM_SANITIZED["set"]),
    "letter": Column("string", "the letter's folder in the archive, A to J", _FROM_SANITIZED["letter"]),
    "name": Column("string", "file name without folder", _FROM_SANITIZED["name"]),
    "font": Column("string", "font file name, decoded from the file name", _FROM_SANITIZED["font"]),
}
PARQUET: Final = Declaration(
    key="exports/parquet",
    code_version="3",
    role="export",
    dagster_type=ExportedFolderType,
    io_manager="export_io",
    kinds={"huggingface", "parquet"},
    columns=_PARQUET_COLUMNS,
    # The dataset card names them.
    settings=("profile", "near_shifts", *POLICY_SETTINGS),
    is_endpoint=True,
    description=(
        "The sanitized splits as a folder for Hugging Face: `datasets.load_dataset(folder, split='train')`,"
        " `validation` or `test` gives an image, a class label A to J, and set, letter, file name and font of each"
        " row. README.md is the dataset card."
    ),
)


@PARQUET.asset(ins={name: declaration.input for name, declaration in SANITIZED.items()})
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
    version = _version(splits, card, PARQUET.code_version)
    files: dict[str, WriteFile] = {dataset_card.FILE_NAME: partial(_write_text, card)}
    files |= parquet_format.write_files(splits)
    return dg.MaterializeResult(
        value=ExportedFolder(version, files),
        data_version=dg.DataVersion(version),
        metadata={**_rows(splits), "dataset_card": dg.MetadataValue.md(dataset_card.without_header(card))},
    )


def _version(splits: Mapping[str, Split], *texts: str) -> str:
    parts = [_CONTENT_VERSION, *(fingerprint(splits[name]) for name in SPLITS), *texts]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _rows(splits: Mapping[str, Split]) -> dict[str, int]:
    rows = sum(len(split) for split in splits.values())
    by_split = {f"rows: {name}": len(split) for name, split in splits.items()}
    return {"rows": rows, **by_split, "dagster/row_count": rows}


def _write_text(text: str, file: BinaryIO) -> None:
    file.write(text.encode())


STAGE = Stage([PICKLE, NPZ, IDX, PARQUET], [pickle_export, npz_export, idx_export, parquet_export])
