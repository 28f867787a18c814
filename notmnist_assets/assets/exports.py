"""Defines the `exports/*` assets: the splits as pickle, `.npz`, IDX and Parquet files."""

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any, BinaryIO, Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets.declaration import Declaration, Stage
from notmnist_assets.assets.hashes import HASH_KEYS
from notmnist_assets.assets.labels import ISSUES
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.sanitized import POLICY_SETTINGS, REMOVED, SANITIZED, sanitize_policy
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.values import FILE_COLUMNS, Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.exports import dataset_card
from notmnist_assets.curation.exports import idx as idx_format
from notmnist_assets.curation.exports import npz as npz_format
from notmnist_assets.curation.exports import parquet as parquet_format
from notmnist_assets.curation.exports import pickle_file as pickle_format
from notmnist_assets.curation.exports.evidence import EVIDENCE, evidence_of, row_evidence
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.curation.summaries.outputs import export_summary
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import asset_page
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.model import Profile
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.exported import ExportedFile, ExportedFolder
from notmnist_assets.storage.store import WriteFile
from notmnist_assets.storage.types import ExportedFileType, ExportedFolderType

_CONTENT_VERSION: Final = "1"
"""Part of the data version of each export."""

_ORIGINS: Final[Mapping[Profile, tuple[str, str]]] = {
    "full": (
        "notMNIST, sanitized",
        'From the archives of Yaroslav Bulatov, "notMNIST dataset", 8 September 2011: letters of publicly available'
        " fonts. He estimates that about 6.5 % of the labels in `large` and about 0.5 % in `small` are wrong.",
    ),
    "sample": (
        "Letters rendered like notMNIST, sanitized",
        "Rendered by notmnist_assets from freely licensed fonts, in the format of notMNIST; these are not its images.",
    ),
    "custom": (
        "Letters in the format of notMNIST, sanitized",
        "From archives in the format of notMNIST that the user of notmnist_assets supplied.",
    ),
}
_LICENCES: Final[Mapping[Profile, str]] = {"sample": "mit"}
"""The sample is part of this package and under its licence; none is known of other images."""


PICKLE: Final = Declaration(
    key="exports/pickle",
    code_version="3",
    role="export",
    dagster_type=ExportedFileType,
    io_manager="export_io",
    kinds={"python"},
    is_endpoint=True,
    description=(
        "The splits before sanitizing as notMNIST.pickle, which the assignment writes and its later lessons load:"
        " `pickle.load(open(path, 'rb'))['train_dataset']` is float32 (n, 28, 28) = (pixel - 127.5) / 255,"
        " `train_labels` int32 (n,), and the same of `valid` and `test`. It leaks as the assignment's own file does:"
        " images of valid and test are also in train (`overlap/report`). The sanitized splits are in"
        " `exports/parquet`, `exports/npz` and `exports/idx`."
    ),
)


@PICKLE.asset(ins={name: declaration.input for name, declaration in SPLIT_ASSETS.items()})
def pickle_export(train: Split, valid: Split, test: Split) -> dg.MaterializeResult[ExportedFile]:
    """Write six arrays into one file."""
    splits = {"train": train, "valid": valid, "test": test}
    version = _version(splits, PICKLE.code_version)
    file = ExportedFile(pickle_format.FILE_NAME, version, partial(pickle_format.write_pickle, splits))
    return dg.MaterializeResult(value=file, data_version=dg.DataVersion(version), metadata=_page(PICKLE, splits))


NPZ: Final = Declaration(
    key="exports/npz",
    code_version="1",
    role="export",
    dagster_type=ExportedFileType,
    io_manager="export_io",
    kinds={"numpy"},
    is_endpoint=True,
    description=(
        "The sanitized splits as notMNIST.npz for NumPy: `numpy.load(path)['train_images']` is uint8 (n, 28, 28),"
        " `train_labels` int32 (n,) with 0 to 9 for A to J, `train_names` the file names in UTF-8, and the same of"
        " `valid` and `test`. The file contains no pickled objects and is not compressed."
    ),
)


@NPZ.asset(ins={name: declaration.input for name, declaration in SANITIZED.items()})
def npz_export(train: Split, valid: Split, test: Split) -> dg.MaterializeResult[ExportedFile]:
    """Write nine arrays into one file."""
    splits = {"train": train, "valid": valid, "test": test}
    version = _version(splits)
    file = ExportedFile(npz_format.FILE_NAME, version, partial(npz_format.write_npz, splits))
    return dg.MaterializeResult(value=file, data_version=dg.DataVersion(version), metadata=_page(NPZ, splits))


IDX: Final = Declaration(
    key="exports/idx",
    code_version="1",
    role="export",
    dagster_type=ExportedFolderType,
    io_manager="export_io",
    kinds={"file"},
    is_endpoint=True,
    description=(
        "The sanitized splits as a folder of uncompressed files in IDX, the format of MNIST, for programs that read"
        " MNIST: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` with 0 to 9 for A to J, `t10k-...` for test, and"
        " `valid-...`, which MNIST lacks. Row n is row n of sanitized/*. NumPy reads images with"
        " `numpy.fromfile(path, 'u1', offset=16).reshape(-1, 28, 28)` and labels with"
        " `numpy.fromfile(path, 'u1', offset=8)`."
    ),
)


@IDX.asset(ins={name: declaration.input for name, declaration in SANITIZED.items()})
def idx_export(train: Split, valid: Split, test: Split) -> dg.MaterializeResult[ExportedFolder]:
    """Write the images and the labels of each split into a file each."""
    splits = {"train": train, "valid": valid, "test": test}
    version = _version(splits)
    folder = ExportedFolder(version, idx_format.write_files(splits))
    return dg.MaterializeResult(value=folder, data_version=dg.DataVersion(version), metadata=_page(IDX, splits))


_COPIED: Final = {
    column: {"sanitized/*": (column,), "splits/*": (column,)} for column in ("label", "set", "letter", "name", "font")
}
_REMOVAL: Final[Sources] = {"sanitized/removed": ("split", "row", "reason")}
_COLLISION: Final[Sources] = {
    "sanitized/removed": ("split", "row", "collides_split", "collides_row"),
    "splits/*": FILE_COLUMNS,
}
_PAIRS: Final[Sources] = {"hashes/*": ("exact",), "overlap/near_pairs": ("exact_a", "exact_b", "distance")}
_GROUPS: Final[Sources] = {**_PAIRS, "overlap/radius": ("radius", "chosen")}


def _judged(column: str) -> Sources:
    """Return the lineage of a column of labels/issues that is looked up by file."""
    return {"labels/issues": (*FILE_COLUMNS, column), "splits/*": FILE_COLUMNS}


_EVIDENCE_SOURCES: Final[Mapping[str, Sources]] = {
    "split": {},
    "reason": _REMOVAL,
    "collides_with": _COLLISION,
    "group": _GROUPS,
    "group_rows": _GROUPS,
    "nearest": {**_PAIRS, "splits/*": FILE_COLUMNS},
    "nearest_distance": _PAIRS,
    "label_quality": _judged("label_quality"),
    "label_issue": _judged("kind"),
}
_PARQUET_COLUMNS: Final = {
    "image": Column(
        "struct<bytes: binary, path: string>",
        "PNG file, and its path `<set>/<letter>/<name>` in the archive",
        dict.fromkeys(("sanitized/*", "splits/*"), ("image", *FILE_COLUMNS)),
    ),
    "label": Column("int64", "class label, 0 to 9 for A to J", _COPIED["label"]),
    "set": Column("string", "archive of the image, large or small", _COPIED["set"]),
    "letter": Column("string", "folder of the image in the archive, A to J", _COPIED["letter"]),
    "name": Column("string", "file name without folder", _COPIED["name"]),
    "font": Column("string", "file name of the font, decoded from `name`", _COPIED["font"]),
    **{name: Column(kind, meaning, _EVIDENCE_SOURCES[name]) for name, (kind, meaning) in EVIDENCE.items()},
}
PARQUET: Final = Declaration(
    key="exports/parquet",
    code_version="9",
    role="export",
    dagster_type=ExportedFolderType,
    io_manager="export_io",
    kinds={"huggingface", "parquet"},
    columns=_PARQUET_COLUMNS,
    # The dataset card depends on them.
    settings=("profile", "near_shifts", *POLICY_SETTINGS),
    is_endpoint=True,
    description=(
        "The sanitized splits as a folder of Parquet files for Hugging Face: each row of"
        " `datasets.load_dataset(folder, split='train')`, `'validation'` or `'test'` has an image, a class label A to"
        " J, the set, letter, file name and font of its source, its duplicate group, its nearest row with the distance,"
        " and the quality of its label. `load_dataset(folder, 'removed')` has the same of the rows that sanitizing"
        " removed, with the reasons. README.md is the dataset card."
    ),
)


@PARQUET.asset(
    deps=HASH_KEYS,
    ins={
        **{name: declaration.input for name, declaration in SANITIZED.items()},
        **{f"raw_{name}": declaration.input for name, declaration in SPLIT_ASSETS.items()},
        "removed": REMOVED.input,
        "near_pairs": NEAR_PAIRS.input,
        "radius": RADIUS.input,
        "issues": ISSUES.input,
    },
)
def parquet_export(
    settings: SettingsResource,
    values: ValueLoader,
    train: Split,
    valid: Split,
    test: Split,
    raw_train: Split,
    raw_valid: Split,
    raw_test: Split,
    removed: pd.DataFrame,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    issues: pd.DataFrame,
) -> dg.MaterializeResult[ExportedFolder]:
    """Write a file per split, one of the removed rows, and the dataset card."""
    splits = {"train": train, "valid": valid, "test": test}
    raw = {"train": raw_train, "valid": raw_valid, "test": raw_test}
    index = values.near_index(near_pairs, radius)
    with as_dagster_failure():
        rows = row_evidence(index, raw, near_pairs, values.complete_radius(NEAR_PAIRS.path), removed, issues)
        evidence = evidence_of(splits, raw, rows)
    tables = [*evidence.columns.values(), evidence.removed_columns]
    contents = [fingerprint(evidence.removed), *map(fingerprint, tables)]
    config = settings.read()
    title, origin = _ORIGINS[config.profile]
    card = dataset_card.dataset_card(
        splits,
        sanitize_policy(config),
        title=title,
        origin=origin,
        radius=chosen_radius(radius),
        licence=_LICENCES.get(config.profile),
        shifts=config.near_shifts,
        removed=len(evidence.removed),
        evidence=contents,
    )
    version = _version(splits, card, PARQUET.code_version, *contents)
    files: dict[str, WriteFile] = {dataset_card.FILE_NAME: partial(_write_text, card)}
    files |= parquet_format.write_files(splits, evidence)
    return dg.MaterializeResult(
        value=ExportedFolder(version, files),
        data_version=dg.DataVersion(version),
        metadata={
            **_page(PARQUET, splits),
            "dataset_card": dg.MetadataValue.md(dataset_card.strip_header(card)),
        },
    )


def _version(splits: Mapping[str, Split], *texts: str) -> str:
    parts = [_CONTENT_VERSION, *(fingerprint(splits[name]) for name in SPLITS), *texts]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _page(declaration: Declaration, splits: Mapping[str, Split]) -> dict[str, Any]:
    rows = sum(len(split) for split in splits.values())
    _, name = declaration.path
    return {
        **asset_page(
            export_summary(name, splits, _CONTENTS[declaration.key], leaks=declaration is PICKLE),
            numbers={"rows": rows, **{f"rows: {name}": len(split) for name, split in splits.items()}},
        ),
        "dagster/row_count": rows,
    }


def _write_text(text: str, file: BinaryIO) -> None:
    file.write(text.encode())


_CONTENTS: Final = {
    PICKLE.key: "notMNIST.pickle of the assignment",
    NPZ.key: "notMNIST.npz for NumPy",
    IDX.key: "Files in IDX, the format of MNIST",
    PARQUET.key: "Parquet files for Hugging Face with their dataset card",
}

STAGE = Stage([PICKLE, NPZ, IDX, PARQUET], [pickle_export, npz_export, idx_export, parquet_export])
