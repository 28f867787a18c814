"""The Dagster types of all asset values: what each one must look like before it may be stored.

Belongs here: the type checks and the table schemas the UI shows. A wrong value fails its step before anything is
written. The values themselves are defined in `curation.values` and `exported`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import dagster as dg
import pandas as pd

from notmnist_assets.curation.fingerprint import fingerprint
from notmnist_assets.curation.near_table import NearSearch
from notmnist_assets.curation.values import Archive, LetterImages, Split
from notmnist_assets.exported import ExportedFile, ExportedFolder


def data_version(value: LetterImages | Split | pd.DataFrame, leave_out: Sequence[str] = ()) -> dg.DataVersion:
    """Return the content-based data version of a value, so that equal content never makes others stale."""
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


def _columns(columns: Mapping[str, tuple[str, str]]) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[dg.TableColumn(name, kind, description=text) for name, (kind, text) in columns.items()]
    )


LETTER_ROWS: Final = _columns(
    {
        "image": ("uint8[28, 28]", "gray image, 0 to 255, in `.images`"),
        "name": ("string", "file name without folder, in `.names`; the order of the rows"),
    }
)
SPLIT_ROWS: Final = _columns(
    {
        "image": ("uint8[28, 28]", "gray image, 0 to 255, in `.images`; `.as_float32()` is (pixel - 127.5) / 255"),
        "label": ("int32", "0 to 9 for A to J, in `.labels`"),
        "set": ("string", "archive the image is from, large or small; this and the next in `.sources`"),
        "letter": ("string", "the letter's folder in the archive, A to J"),
        "name": ("string", "file name without folder"),
        "font": ("string", "font file name, decoded from the file name"),
    }
)
EXPORTED_ROWS: Final = _columns(
    {
        "image": ("struct<bytes: binary, path: string>", "PNG file, and `<set>/<letter>/<name>` of its source"),
        "label": ("int64", "class label, 0 to 9 for A to J"),
        "set": ("string", "archive the image is from, large or small"),
        "letter": ("string", "the letter's folder in the archive, A to J"),
        "name": ("string", "file name without folder"),
        "font": ("string", "font file name, decoded from the file name"),
    }
)
HASHES: Final = _columns(
    {
        "row": ("int32", "row of the split"),
        "label": ("int32", "0 to 9 for A to J"),
        "exact": ("string", "first 128 bits of the SHA-256 of the 784 pixels, in hex"),
        "cells": ("string", "the same digest of the 49 maxima of 4x4 cells, the assignment's near hash"),
        "ink": ("float64", "sum of the pixels in units of 255; a lower bound of distances"),
    }
)
OVERLAP_REPORT: Final = _columns(
    {
        "method": ("string", "exact, cells or near"),
        "rows_of": ("string", "the split whose rows are counted"),
        "found_in": ("string", "the split they are looked up in; the same split: repeats of an earlier row"),
        "rows": ("int64", "rows found"),
        "distinct": ("int64", "distinct images among them"),
        "share": ("float64", "rows found over all rows of rows_of"),
    }
)
NEAR_PAIRS: Final = _columns(
    {
        "exact_a": ("string", "digest of one image, as in the hash tables"),
        "exact_b": ("string", "digest of the other"),
        "distance": ("float64", "sum of absolute pixel differences / 255"),
        "rows_a": ("int64", "rows of all splits that hold the one"),
        "rows_b": ("int64", "rows of all splits that hold the other"),
    }
)
RADIUS_CURVE: Final = _columns(
    {
        "radius": ("float64", "sum of absolute pixel differences / 255"),
        "pairs": ("int64", "pairs of distinct images within it"),
        "cross_letter": ("float64", "how many of them have different letters, a sum of probabilities"),
        "share": ("float64", "cross_letter over pairs"),
        "ci_low": ("float64", "lower end of the share's Wilson 95 % interval"),
        "ci_high": ("float64", "upper end"),
        "chosen": ("bool", "whether this radius is used"),
    }
)
RECALL: Final = _columns(
    {
        "perturbation": ("string", "how the copies were changed"),
        "strength": ("float64", "how much"),
        "method": ("string", "exact, cells, near, phash_0 or phash_10"),
        "planted": ("int64", "copies planted"),
        "found": ("int64", "copies the method calls duplicates of their originals"),
        "recall": ("float64", "found over planted"),
        "ci_low": ("float64", "lower end of its Wilson 95 % interval"),
        "ci_high": ("float64", "upper end"),
        "median_distance": ("float64", "median L1 distance of copy and original, in units of 255"),
    }
)
LABEL_CONFLICTS: Final = _columns(
    {
        "method": ("string", "exact: equal pixels; near: connected within the radius"),
        "group": ("int64", "number of the group, in the order of first rows"),
        "images": ("int64", "distinct images in the group"),
        "split": ("string", "where the row is"),
        "row": ("int64", "row of the split"),
        "letter": ("string", "the row's letter"),
        "name": ("string", "file name"),
        "font": ("string", "font file name"),
        "exact": ("string", "digest of the image"),
    }
)
REMOVED_ROWS: Final = _columns(
    {
        "split": ("string", "the split the row was removed from"),
        "row": ("int64", "its row there"),
        "reason": ("string", "also in another split, conflicting letters, or repeat"),
        "collides_split": ("string", "split of the row it collides with"),
        "collides_row": ("int64", "row it collides with"),
        "distance": ("float64", "L1 distance to it in units of 255; NaN when only cells agree"),
    }
)
BASELINE_METRICS: Final = _columns(
    {
        "model": ("string", "the classifier"),
        "train_on": ("string", "raw or sanitized training rows"),
        "train_rows": ("string", "50, 100, 1000, 5000 or all"),
        "fitted_rows": ("int64", "training rows used"),
        "eval_on": ("string", "valid or test"),
        "eval_rows": ("string", "raw: all; clean: left after sanitizing; duplicates: removed by it"),
        "rows": ("int64", "rows scored"),
        "accuracy": ("float64", "share of rows classified right"),
        "ci_low": ("float64", "lower end of the Wilson 95 % interval"),
        "ci_high": ("float64", "upper end"),
        "converged": ("bool", "whether the fit met its gradient tolerance"),
        "seconds": ("float64", "time of the fit"),
    }
)

_KINDS: Final = {"int": "iu", "float": "f", "bool": "b"}


def table_type(name: str, schema: dg.TableSchema, description: str) -> dg.DagsterType:
    """Return the type of a DataFrame with exactly the columns of `schema`, each of its kind."""

    def check(_context: dg.TypeCheckContext, value: object) -> dg.TypeCheck:
        if not isinstance(value, pd.DataFrame):
            return dg.TypeCheck(success=False, description=f"expected DataFrame, got {type(value).__name__}")
        expected = [column.name for column in schema.columns]
        if list(value.columns) != expected:
            return dg.TypeCheck(success=False, description=f"columns {list(value.columns)}, expected {expected}")
        wrong = [
            f"{column.name} is {value[column.name].dtype}, expected {column.type}"
            for column in schema.columns
            if not _is_of_kind(value[column.name], column.type)
        ]
        return dg.TypeCheck(success=not wrong, description="; ".join(wrong), metadata={"rows": len(value)})

    return dg.DagsterType(check, name=name, typing_type=pd.DataFrame, description=description)


def _is_of_kind(column: "pd.Series[Any]", kind: str) -> bool:
    if kind == "string":
        return bool(pd.api.types.is_string_dtype(column.dtype))
    name = kind.rstrip("0123456789")
    return column.to_numpy().dtype.kind in _KINDS[name]


HashesType = table_type("HashTable", HASHES, "One row per split row: digests and ink of its image.")
OverlapReportType = table_type("OverlapReport", OVERLAP_REPORT, "How many rows of a split another one holds.")
NearPairsType = table_type("NearPairs", NEAR_PAIRS, "Pairs of distinct images at most the radius apart.")
RadiusCurveType = table_type("RadiusCurve", RADIUS_CURVE, "Pairs and cross-letter share by radius; the choice.")
RecallType = table_type("Recall", RECALL, "What each method finds of planted duplicates.")
LabelConflictsType = table_type("LabelConflicts", LABEL_CONFLICTS, "Rows of groups with different letters.")
RemovedRowsType = table_type("RemovedRows", REMOVED_ROWS, "Rows that sanitizing removed, and why.")
BaselineMetricsType = table_type("BaselineMetrics", BASELINE_METRICS, "Accuracy of baselines with intervals.")
