"""Writes the dataset card of the Parquet export: the README.md that people and Hugging Face `datasets` read."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.statistics import label_counts
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.row_index import Method
from notmnist_assets.curation.exports.evidence import EVIDENCE
from notmnist_assets.curation.exports.parquet import FILE_NAMES, REMOVED_NAME
from notmnist_assets.curation.sanitizing.decision import Conflicts, Policy, RemoveFrom, Repeats
from notmnist_assets.curation.splitting.splits import SPLITS

FILE_NAME: Final = "README.md"

_SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_CARD: Final = """\
---
pretty_name: {quoted_title}
license: {licence}
task_categories:
- image-classification
size_categories:
- {size}
{configs}---

# {title}

Letters A to J in many fonts, 28x28 pixels, 8-bit gray.
{origin}

Sanitized: rows that leak between splits, contradict each other or repeat were removed by these rules:

- two rows show the same image if they have {method};
- {remove_from};
- if an image occurs with different labels, {conflicts};
- if an image repeats within a split, {repeats}.

{removed}

```python
from datasets import load_dataset

dataset = load_dataset("path/to/this/folder")
dataset["{example}"][0]["image"], dataset["{example}"].features["label"].int2str(dataset["{example}"][0]["label"])
```

## Rows
{without_rows}

| letter | {head} |
|---|{rule}|
{counts}

## Columns

| column | content |
|---|---|
| `image` | PNG, 28x28 pixels, 8-bit gray; 0 is background, 255 is ink |
| `label` | class label, 0 to 9 for A to J |
| `set` | archive of the image: `large` or `small` |
| `letter` | folder of the image in the archive, A to J |
| `name` | file name of the image in that folder |
| `font` | file name of the font, decoded from `name` |
{evidence}

## Known limits

Labels are the folders of the archives. A wrong label is found only if a duplicate has another label. {fonts}

## Licence

{licence_sentence}
"""

_DEFAULT_CONFIG: Final = """\
- config_name: default
  description: content {content}
  data_files:
{files}
"""


_REMOVED_CONFIG: Final = f"""\
- config_name: removed
  data_files:
  - split: removed
    path: {REMOVED_NAME}
"""
_REMOVED: Final = (
    '`load_dataset("path/to/this/folder", "removed")` has the {removed:,} removed rows with their reasons.'
)
_METHODS: Final[Mapping[Method, str]] = {
    "exact": "equal pixels",
    "cells": "equal maxima of all 4x4 cells",
    "near": "a sum of absolute pixel differences / 255 of at most {radius:g}, the radius in `overlap/radius`",
}
_SHIFTED: Final = ", also after one image is shifted by one pixel"
_REMOVE_FROM: Final[Mapping[RemoveFrom, str]] = {
    "evaluation": "rows of `validation` whose image is also in `train`, and rows of `test` whose image is also in"
    " `train` or `validation`, are removed",
    "training": "rows of `train` whose image is also in `validation` or `test`, and rows of `validation` whose image is"
    " also in `test`, are removed",
}
_CONFLICTS: Final[Mapping[Conflicts, str]] = {
    "drop": "all its rows are removed",
    "majority": "the rows without the majority label are removed; without a majority, all its rows are removed",
    "keep": "all its rows are kept",
}
_NO_LICENCE: Final = "No licence of the images is known."
_REPEATS: Final[Mapping[Repeats, str]] = {
    "drop": "rows are taken in order, and each with the same image as one taken before is removed",
    "exact": "of rows with equal pixels, all but the first are removed",
    "keep": "all rows are kept",
}


def _font_sentence(splits: Mapping[str, Split]) -> str:
    """Return how many images of validation and test have a font that also occurs in train."""
    known = set(splits["train"].sources["font"])
    counts = []
    for name in SPLITS[1:]:
        rows = len(splits[name])
        shared = int(splits[name].sources["font"].isin(known).sum())
        share = f" ({100 * shared / rows:.0f} %)" if rows else ""
        counts.append(f"{shared:,} of {rows:,} images of `{FILE_NAMES[name].removesuffix('.parquet')}`{share}")
    return (
        f"{' and '.join(counts)} have a font that also occurs in `train`: a model may know the font, though not the"
        " image."
    )


def strip_header(card: str) -> str:
    """Return a card without its YAML header."""
    return card.split("---\n", 2)[-1].strip()


def dataset_card(
    splits: Mapping[str, Split],
    policy: Policy,
    *,
    title: str,
    origin: str,
    radius: float,
    licence: str | None = None,
    shifts: bool = False,
    removed: int = 0,
    evidence: Sequence[str] = (),
) -> str:
    """Return the card as Markdown with the YAML header that `datasets` reads.

    The header lists only splits with rows, because `datasets` loads none if one that is listed has no rows.

    Args:
        splits: train, valid and test, as exported.
        policy: the rules by which they were sanitized.
        title: name of the dataset.
        origin: origin of the images, one or more sentences.
        radius: largest distance of near duplicates, in units of 255; shown if the policy's method is near.
        licence: identifier of the licence of the images, as Hugging Face writes it; None if it is unknown.
        shifts: whether images are compared also after a shift by one pixel.
        removed: number of removed rows in the file of their own.
        evidence: fingerprints of what the files have besides the splits.
    """
    rows = {name: label_counts(splits[name].labels).tolist() for name in SPLITS}
    names = {name: FILE_NAMES[name].removesuffix(".parquet") for name in SPLITS}
    filled = [name for name in SPLITS if len(splits[name])]
    total = sum(len(splits[name]) for name in SPLITS)
    # `datasets` caches a folder by its name and this header, so the header identifies the content.
    parts = [*(fingerprint(splits[name]) for name in SPLITS), *evidence]
    content = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    files = "\n".join(f"  - split: {names[name]}\n    path: {FILE_NAMES[name]}" for name in filled)
    configs = [_DEFAULT_CONFIG.format(content=content[:16], files=files)] * bool(filled)
    configs += [_REMOVED_CONFIG] * bool(removed)
    lines = [*zip(LETTERS, *rows.values(), strict=True), ("all", *(sum(counts) for counts in rows.values()))]
    return _CARD.format(
        configs="".join(["configs:\n", *configs]) if configs else "",
        size=next((text for limit, text in _SIZES if total < limit), "n>1M"),
        title=title,
        quoted_title=json.dumps(title),  # JSON is YAML
        origin=origin,
        method=_METHODS[policy.method].format(radius=radius) + (_SHIFTED if shifts and policy.method == "near" else ""),
        remove_from=_REMOVE_FROM[policy.remove_from],
        conflicts=_CONFLICTS[policy.conflicts],
        repeats=_REPEATS[policy.repeats],
        example=names[filled[-1]] if filled else "train",
        without_rows="".join(
            f"\n`{names[name]}` has no rows; `load_dataset` does not return it.\n"
            for name in SPLITS
            if name not in filled
        ),
        head=" | ".join(names.values()),
        rule="|".join(["---"] * len(names)),
        counts="\n".join(
            f"| {letter} | " + " | ".join(f"{count:,}" for count in line) + " |" for letter, *line in lines
        ),
        removed=_REMOVED.format(removed=removed) if removed else "No row was removed.",
        evidence="\n".join(f"| `{name}` | {meaning} |" for name, (_, meaning) in EVIDENCE.items()),
        fonts=_font_sentence(splits),
        licence=licence or "unknown",
        licence_sentence=f"The images are under the licence `{licence}`." if licence else _NO_LICENCE,
    )
