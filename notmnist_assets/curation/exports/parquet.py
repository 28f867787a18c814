"""Writes splits as Parquet files that Hugging Face `datasets` loads with images and class labels, and compares them."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.exhibits import encode_png
from notmnist_assets.curation.core.file_names import file_paths
from notmnist_assets.curation.core.images import LETTERS, PIXELS, SIDE, Images
from notmnist_assets.curation.core.prefetch import prefetch_map
from notmnist_assets.curation.core.progress import progress_bar
from notmnist_assets.curation.core.values import SOURCE_COLUMNS, Split
from notmnist_assets.curation.exports.comparison import array_problems
from notmnist_assets.curation.reading.decoding import decode_files
from notmnist_assets.curation.splitting.splits import SPLITS

FILE_NAMES: Final[Mapping[str, str]] = {
    "train": "train.parquet",
    "valid": "validation.parquet",
    "test": "test.parquet",
}
"""File name by split; `datasets` names the validation split `validation`."""
REMOVED_NAME: Final = "removed.parquet"
"""File of the rows that sanitizing removed."""

FEATURES: Final = {
    "image": {"_type": "Image"},
    "label": {"names": list(LETTERS), "_type": "ClassLabel"},
    **{name: {"dtype": "string", "_type": "Value"} for name in SOURCE_COLUMNS},
}
"""The columns in order, as `datasets` describes features."""

_SCHEMA_KEY: Final = b"huggingface"
_ROW_GROUP: Final = 4096
_PILLOW_STEP: Final = 64
# The errors of pyarrow are subclasses of built-in ones; Pillow raises SyntaxError for a damaged PNG file.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OSError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    Image.DecompressionBombError,
)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Further columns of the files, and the rows that sanitizing removed.

    Attributes:
        columns: by split, one row per exported row; columns of str, int64 and float64.
        removed: the removed rows of all splits.
        removed_columns: the same columns for these.
    """

    columns: Mapping[str, pd.DataFrame]
    removed: Split
    removed_columns: pd.DataFrame


def write_files(splits: Mapping[str, Split], evidence: Evidence | None = None) -> dict[str, Callable[[BinaryIO], None]]:
    """Return a function per file, by file name, that writes it in row groups of 4096 rows.

    Columns: `image`, a struct of `bytes`, a PNG file, and `path`, `<set>/<letter>/<name>`; `label` int64, 0 to 9 for A
    to J; the source of the row: `set`, `letter`, `name`, `font`; and the columns of the evidence. With evidence, the
    removed rows are a file of their own.
    """
    if evidence is None:
        return {FILE_NAMES[name]: partial(_write, name, splits[name], pd.DataFrame()) for name in SPLITS}
    return {
        **{FILE_NAMES[name]: partial(_write, name, splits[name], evidence.columns[name]) for name in SPLITS},
        REMOVED_NAME: partial(_write, "removed rows", evidence.removed, evidence.removed_columns),
    }


def find_differences(splits: Mapping[str, Split], open_file: Callable[[str], BinaryIO]) -> list[str]:
    """Compare the images, labels and sources in the files of `write_files` with the splits.

    Images are decoded by `reading.decoding`. Pillow, which takes ten times as long, decodes those that it refuses, and
    every 64th as an independent check.

    Args:
        splits: train, valid and test, as exported.
        open_file: opens a file by name.

    Returns:
        One sentence per difference and row group.

    Raises:
        CurationError: a file is missing or cannot be read.
    """
    problems = []
    for name in SPLITS:
        file_name = FILE_NAMES[name]
        try:
            with open_file(file_name) as file:
                problems += [f"{file_name}: {text}" for text in _split_problems(splits[name], file)]
        except _UNREADABLE as error:
            raise CurationError(
                f"it cannot be read ({error}).", subject=file_name, remedy="Materialize the export again."
            ) from error
    return problems


def _write(name: str, split: Split, extra: pd.DataFrame, file: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(extra)
    texts = [column for column in extra if pd.api.types.is_string_dtype(extra[column].dtype)]
    with (
        progress_bar(f"write {name} as Parquet", len(split), "rows") as advance,
        pq.ParquetWriter(
            file,
            schema,
            version="2.6",
            compression="zstd",
            use_dictionary=[*SOURCE_COLUMNS, *texts],
            write_statistics=["label", *SOURCE_COLUMNS, *extra],
            write_page_checksum=True,
        ) as writer,
    ):
        blocks = [slice(start, start + _ROW_GROUP) for start in range(0, len(split), _ROW_GROUP)]
        for block, columns in zip(blocks, prefetch_map(partial(_columns, split, extra), blocks), strict=True):
            writer.write_table(pa.table(columns, schema=schema), row_group_size=_ROW_GROUP)
            advance(len(split.labels[block]))


def _schema(extra: pd.DataFrame) -> Any:
    import pyarrow as pa

    arrow = {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64()}
    kinds = {
        str(name): "string" if pd.api.types.is_string_dtype(column.dtype) else str(column.dtype)
        for name, column in extra.items()
    }
    types: dict[str, Any] = {
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "label": pa.int64(),
        **dict.fromkeys(SOURCE_COLUMNS, pa.string()),
        **{name: arrow[kind] for name, kind in kinds.items()},
    }
    features = {**FEATURES, **{name: {"dtype": kind, "_type": "Value"} for name, kind in kinds.items()}}
    return pa.schema(types, metadata={_SCHEMA_KEY: json.dumps({"info": {"features": features}})})


def _columns(split: Split, extra: pd.DataFrame, block: slice) -> dict[str, Any]:
    import pyarrow as pa

    sources = split.sources.iloc[block]
    texts = {name: sources[name].astype(str).tolist() for name in SOURCE_COLUMNS}
    # Uncompressed PNG files: zstd compresses them better than compressed ones, and deflate differs between processors.
    pictures = [encode_png(Image.fromarray(image), level=0) for image in np.asarray(split.images[block])]
    return {
        "image": pa.StructArray.from_arrays(
            [pa.array(pictures, pa.binary()), pa.array(file_paths(sources).tolist(), pa.string())],
            names=["bytes", "path"],
        ),
        "label": pa.array(split.labels[block].astype(np.int64)),
        **{name: pa.array(values, pa.string()) for name, values in texts.items()},
        **{str(name): pa.array(column.iloc[block], from_pandas=True) for name, column in extra.items()},
    }


def _split_problems(split: Split, file: BinaryIO) -> Iterator[str]:
    import pyarrow.parquet as pq

    stored = pq.ParquetFile(file, page_checksum_verification=True)
    described = json.loads((stored.schema_arrow.metadata or {})[_SCHEMA_KEY])["info"]["features"]
    common = {name: described.get(name) for name in FEATURES}
    if (
        common != FEATURES
        or stored.schema_arrow.names != list(described)
        or list(described)[: len(FEATURES)] != list(FEATURES)
    ):
        yield f"the schema describes the columns as {described}, expected {FEATURES}"
        return
    if stored.metadata.num_rows != len(split):
        yield f"{stored.metadata.num_rows} rows, expected {len(split)}"
        return
    start = 0
    for batch in stored.iter_batches(_ROW_GROUP):
        block = slice(start, start + len(batch))
        where = f"from row {start} on"
        items = batch["image"].to_pylist()
        images = _decode([item["bytes"] for item in items])
        yield from array_problems(f"image {where}", images, np.asarray(split.images[block]))
        yield from array_problems(f"label {where}", batch["label"].to_numpy(), split.labels[block].astype(np.int64))
        texts = {name: split.sources[name].iloc[block].astype(str).tolist() for name in SOURCE_COLUMNS}
        for name, expected in texts.items():
            if batch[name].to_pylist() != expected:
                yield f"{name} differs {where}"
        if [item["path"] for item in items] != file_paths(split.sources.iloc[block]).tolist():
            yield f"the path of an image differs {where}"
        start += len(batch)
    if start != len(split):  # a damaged page may end a column early without an error
        yield f"{start} rows can be read, expected {len(split)}"


def _decode(files: Sequence[bytes]) -> Images:
    images, unreadable = decode_files(files)
    for row in sorted({*unreadable, *range(0, len(files), _PILLOW_STEP)}):
        images[row] = _pixels(files[row]).reshape(SIDE, SIDE)
    return images


def _pixels(png: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        pixels = np.asarray(picture)
    if pixels.dtype != np.uint8 or pixels.size != PIXELS:
        raise ValueError(f"an image is {pixels.dtype} {pixels.shape}")
    return pixels
