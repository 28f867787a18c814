"""The dataset card of the Parquet export: the README.md that people and `datasets` read.

Belongs here: its text. What it says about rows is counted from the splits it goes with.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.statistics import label_counts
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.exports.parquet import FILE_NAMES
from notmnist_assets.curation.sanitizing.decision import Conflicts, Policy, RemoveFrom, Repeats
from notmnist_assets.curation.splitting.splits import SPLITS

FILE_NAME: Final = "README.md"

_SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_CARD: Final = """\
---
pretty_name: {quoted_title}
task_categories:
- image-classification
size_categories:
- {size}
configs:
- config_name: default
  description: content {content}
  data_files:
{files}
---

# {title}

Letters A to J in many fonts, 28x28 pixels, 8-bit gray.
{origin}

Sanitized, so that a score on `validation` or `test` is not a score on training images:

- the same image means: {method};
- {remove_from};
- an image under different letters: {conflicts};
- equal images within a split: {repeats}.

The asset `sanitized/removed` of the program that wrote this folder lists every row that was removed, and why.

```python
from datasets import load_dataset

dataset = load_dataset("path/to/this/folder")
dataset["test"][0]["image"], dataset["test"].features["label"].int2str(dataset["test"][0]["label"])
```

## Rows

| letter | {head} |
|---|{rule}|
{counts}

## Columns

| column | what it holds |
|---|---|
| `image` | the picture, PNG; 0 is background, 255 is ink |
| `label` | class label, 0 to 9 for A to J |
| `set` | the archive it is from: `large` or `small` |
| `letter` | the folder it was in |
| `name` | its file name there |
| `font` | the font's file name, decoded from `name` |

## Known limits

Labels are what the archives say. Wrong labels without a duplicate are not found. {fonts}
"""


_METHODS: Final[Mapping[Method, str]] = {
    "exact": "equal pixels",
    "cells": "equal maxima of all 4x4 cells",
    "near": "a sum of absolute pixel differences up to the radius in `overlap/radius`",
}
_MOVED: Final = ", also after moving one image by one pixel"
_REMOVE_FROM: Final[Mapping[RemoveFrom, str]] = {
    "evaluation": "rows of `validation` that are also in `train`, and rows of `test` that are also in either, are"
    " removed",
    "training": "rows of `train` that are also in `validation` or `test`, and rows of `validation` that are also in"
    " `test`, are removed",
}
_CONFLICTS: Final[Mapping[Conflicts, str]] = {
    "drop": "all its rows are removed",
    "majority": "rows of other letters than the majority's are removed, all of them when there is none",
    "keep": "all its rows are kept",
}
_REPEATS: Final[Mapping[Repeats, str]] = {"drop": "all but the first are removed", "keep": "all are kept"}


def _fonts_in_words(splits: Mapping[str, Split]) -> str:
    """Return how many images of validation and test are of a font that train has images of."""
    known = set(splits["train"].sources["font"])
    told = []
    for name in SPLITS[1:]:
        rows = len(splits[name])
        shared = int(splits[name].sources["font"].isin(known).sum())
        share = f" ({100 * shared / rows:.0f} %)" if rows else ""
        told.append(f"{shared:,} of {rows:,} images of `{FILE_NAMES[name].removesuffix('.parquet')}`{share}")
    return (
        f"Of a font that `train` has images of, too, are {' and '.join(told)}: a model may know the font from training,"
        " though not the image."
    )


def without_header(card: str) -> str:
    """Return a card as people read it, without the YAML header that programs read."""
    return card.split("---\n", 2)[-1].strip()


def dataset_card(splits: Mapping[str, Split], policy: Policy, *, title: str, origin: str, shifts: bool = False) -> str:
    """Return the card as Markdown with the YAML header that `datasets` reads.

    Args:
        splits: train, valid and test, as exported.
        policy: how they were sanitized.
        title: the name of the dataset.
        origin: where the images are from, one or more sentences.
        shifts: whether near images are also those that were moved by one pixel.
    """
    rows = {name: label_counts(splits[name].labels).tolist() for name in SPLITS}
    names = {name: FILE_NAMES[name].removesuffix(".parquet") for name in SPLITS}
    total = sum(len(splits[name]) for name in SPLITS)
    # `datasets` caches a folder by its name and this header: other content must not be taken for what it has seen.
    content = hashlib.sha256("\n".join(fingerprint(splits[name]) for name in SPLITS).encode()).hexdigest()
    lines = [*zip(LETTERS, *rows.values(), strict=True), ("all", *(sum(counts) for counts in rows.values()))]
    return _CARD.format(
        content=content[:16],
        size=next((text for limit, text in _SIZES if total < limit), "n>1M"),
        files="\n".join(f"  - split: {names[name]}\n    path: {FILE_NAMES[name]}" for name in SPLITS),
        title=title,
        quoted_title=json.dumps(title),  # JSON is YAML
        origin=origin,
        method=_METHODS[policy.method] + (_MOVED if shifts and policy.method == "near" else ""),
        remove_from=_REMOVE_FROM[policy.remove_from],
        conflicts=_CONFLICTS[policy.conflicts],
        repeats=_REPEATS[policy.repeats],
        head=" | ".join(names.values()),
        rule="|".join(["---"] * len(names)),
        counts="\n".join(
            f"| {letter} | " + " | ".join(f"{count:,}" for count in line) + " |" for letter, *line in lines
        ),
        fonts=_fonts_in_words(splits),
    )
