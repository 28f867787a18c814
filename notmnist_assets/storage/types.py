"""Dagster types of asset values, which are checked before a value is stored."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import dagster as dg
import pandas as pd

from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.values import Archive, LetterImages, Split
from notmnist_assets.curation.duplicates.pair_table import NearSearch
from notmnist_assets.metadata.columns import Column
from notmnist_assets.storage.exported import ExportedFile, ExportedFolder


def data_version(value: LetterImages | Split | pd.DataFrame, leave_out: Sequence[str] = ()) -> dg.DataVersion:
    """Return the fingerprint of a value as its data version, so that equal content makes no downstream asset stale."""
    return dg.DataVersion(fingerprint(value, leave_out=leave_out))


def _instance_type(cls: type, description: str, describe: Callable[[Any], dict[str, int | str]]) -> dg.DagsterType:
    def check(_context: dg.TypeCheckContext, value: object) -> dg.TypeCheck:
        if not isinstance(value, cls):
            return dg.TypeCheck(success=False, description=f"expected {cls.__name__}, got {type(value).__name__}")
        return dg.TypeCheck(success=True, metadata=describe(value))

    return dg.DagsterType(check, name=cls.__name__, typing_type=cls, description=description)


ArchiveType = _instance_type(
    Archive, "A verified .tar.gz: where it is, bytes, SHA-256, origin.", lambda value: {"bytes": value.bytes}
)
LetterImagesType = _instance_type(
    LetterImages,
    "uint8 images (n, 28, 28) of one letter in canonical order, their names, and the rejected files.",
    lambda value: {"images": len(value), "rejected": len(value.rejected)},
)
SplitType = _instance_type(
    Split, "uint8 images (n, 28, 28), int32 labels, and the source of each row.", lambda value: {"rows": len(value)}
)
NearSearchType = _instance_type(
    NearSearch, "Pairs of near images and which images were searched.", lambda value: {"pairs": len(value.pairs)}
)
ExportedFileType = _instance_type(ExportedFile, "A file for other programs.", lambda value: {"name": value.name})
ExportedFolderType = _instance_type(
    ExportedFolder, "A folder of files for other programs.", lambda value: {"files": len(value.files)}
)

for _cls, _type in ((Archive, ArchiveType), (LetterImages, LetterImagesType), (Split, SplitType)):
    dg.make_python_type_usable_as_dagster_type(_cls, _type)


_KINDS: Final = {"int": "iu", "float": "f", "bool": "b"}


def table_type(name: str, columns: Mapping[str, Column], description: str) -> dg.DagsterType:
    """Return the type of a DataFrame with exactly these columns in this order, each of its declared type."""

    def check(_context: dg.TypeCheckContext, value: object) -> dg.TypeCheck:
        if not isinstance(value, pd.DataFrame):
            return dg.TypeCheck(success=False, description=f"expected DataFrame, got {type(value).__name__}")
        expected = list(columns)
        if list(value.columns) != expected:
            return dg.TypeCheck(success=False, description=f"columns {list(value.columns)}, expected {expected}")
        wrong = [
            f"{name} is {value[name].dtype}, expected {column.type}"
            for name, column in columns.items()
            if not _is_of_kind(value[name], column.type)
        ]
        return dg.TypeCheck(success=not wrong, description="; ".join(wrong), metadata={"rows": len(value)})

    return dg.DagsterType(check, name=name, typing_type=pd.DataFrame, description=description)


def _is_of_kind(column: "pd.Series[Any]", kind: str) -> bool:
    if kind == "string":
        return bool(pd.api.types.is_string_dtype(column.dtype))
    name = kind.rstrip("0123456789")
    return column.to_numpy().dtype.kind in _KINDS[name]
