"""Selects what fits into the gallery, and describes it as the JSON that the script of the page reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS, SETS, Images
from notmnist_assets.curation.core.sampling import evenly_spaced
from notmnist_assets.curation.duplicates.overlap import duplicate_groups
from notmnist_assets.curation.duplicates.pair_table import images_of
from notmnist_assets.curation.duplicates.row_index import Indices
from notmnist_assets.curation.reading.files import rejected_files
from notmnist_assets.curation.report.gallery.data import GalleryData
from notmnist_assets.curation.report.gallery.items import Items
from notmnist_assets.curation.splitting.splits import SPLITS

_NEIGHBOURS: Final = 4
"""Nearest other images that the page lists of each image."""
_MOST_REJECTED: Final = 2_000
_NONE: Final = -1


@dataclass(frozen=True, eq=False)
class Contents:
    """What the page shows.

    Attributes:
        facts: everything but the pictures, as JSON values.
        images: uint8 (n, 28, 28), the images by the numbers that `facts` has.
        shown: items on the page by kind.
        total: items by kind before the selection.
    """

    facts: Mapping[str, Any]
    images: Images
    shown: Mapping[str, int]
    total: Mapping[str, int]


def gallery_contents(data: GalleryData, every: Mapping[str, Items], most_rows: int) -> Contents:
    """Return the contents of the page.

    Args:
        data: the values to show.
        every: all items by kind, as `list_items` returns them.
        most_rows: most rows of each kind of items; of more, the first and a sample are selected.
    """
    items = {kind: found.select(most_rows) for kind, found in every.items()}
    rows = _in_order_of_use(data, items)
    images = pd.unique(data.index.image[rows])
    near = _nearest_images(data, images)
    rejected = rejected_files(data.files)
    shown_rejected = rejected.iloc[evenly_spaced(len(rejected), _MOST_REJECTED)]
    local = {int(row): number for number, row in enumerate(rows)}
    facts = {
        "title": data.title,
        "radius": data.radius,
        "searchRadius": data.search_radius,
        "letters": list(LETTERS),
        "splits": list(SPLITS),
        "sets": list(SETS),
        **_row_facts(data, rows, images, local, shown_rejected),
        "near": near,
        "items": {
            **{kind: _item_facts(found, local) for kind, found in items.items()},
            "rejected": _rejected_facts(shown_rejected, len(rejected), len(rows)),
        },
    }
    return Contents(
        facts,
        images_of(data.index, data.splits, data.index.first_rows[images]),
        {**{kind: len(found) for kind, found in items.items()}, "rejected": len(shown_rejected)},
        {**{kind: len(found) for kind, found in every.items()}, "rejected": len(rejected)},
    )


def _in_order_of_use(data: GalleryData, items: Mapping[str, Items]) -> Indices:
    """Return the rows of all items and, for each of their images, the row of its nearest image: int64 (n,)."""
    listed = pd.unique(np.concatenate([np.empty(0, np.int64), *(found.rows for found in items.values())]))
    source, target, _ = data.searched.edges
    first = np.flatnonzero(np.diff(source, prepend=_NONE))
    nearest = np.full(data.index.images, _NONE, np.int64)
    nearest[source[first]] = target[first]
    neighbours = nearest[data.index.image[listed]]
    rows: Indices = pd.unique(np.concatenate([listed, data.index.first_rows[neighbours[neighbours != _NONE]]]))
    return rows


def _nearest_images(data: GalleryData, images: Indices) -> dict[str, list[Any]]:
    """Return up to four nearest images on the page of each image: numbers on the page, and distances."""
    number = np.full(data.index.images, _NONE, np.int64)
    number[images] = np.arange(len(images))
    source, target, distance = data.searched.edges
    known = (number[source] != _NONE) & (number[target] != _NONE)
    source, target, distance = source[known], target[known], distance[known]
    place = np.arange(len(source)) - np.searchsorted(source, source)
    few = place < _NEIGHBOURS
    return {
        "of": number[source[few]].tolist(),
        "image": number[target[few]].tolist(),
        "distance": distance[few].round(3).tolist(),
    }


def _row_facts(
    data: GalleryData, rows: Indices, images: Indices, local: Mapping[int, int], rejected: pd.DataFrame
) -> dict[str, Any]:
    """Return names, fonts and reasons as lists of texts, and the rows with their positions in these lists."""
    index = data.index
    number = np.full(index.images, _NONE, np.int64)
    number[images] = np.arange(len(images))
    sources = data.sources.iloc[rows]
    names, fonts = (pd.factorize(np.concatenate([sources[name], extra])) for name, extra in _texts(rejected).items())
    groups = duplicate_groups(index, "near")
    group = groups[index.image[rows]]
    reason, collides, distance = _removal(data)
    reasons, reason_texts = pd.factorize(reason[rows])
    pad = [_NONE] * len(rejected)
    set_numbers = [SETS.index(name) for name in (*sources["set"], *rejected["set"])]
    letters = [LETTERS.index(letter) for letter in (*sources["letter"], *rejected["letter"])]
    return {
        "names": names[1].tolist(),
        "fonts": fonts[1].tolist(),
        "reasons": reason_texts.tolist(),
        "rows": {
            "set": set_numbers,
            "letter": letters,
            "label": [*index.label[rows].tolist(), *pad],
            "name": names[0].tolist(),
            "font": fonts[0].tolist(),
            "split": [*index.split[rows].tolist(), *pad],
            "row": [*index.row[rows].tolist(), *pad],
            "image": [*number[index.image[rows]].tolist(), *pad],
            "group": [*group.tolist(), *pad],
            "groupRows": [*np.bincount(groups[index.image])[group].tolist(), *pad],
            "reason": [*reasons.tolist(), *pad],
            "collides": [*(local.get(int(row), _NONE) for row in collides[rows]), *pad],
            "distance": [*_numbers(distance[rows]), *([None] * len(rejected))],
        },
    }


def _texts(rejected: pd.DataFrame) -> dict[str, np.ndarray[Any, Any]]:
    """Return the names of rejected files, and empty texts for their fonts, which may be no fonts."""
    names = rejected["name"].astype("str").to_numpy(object)
    return {"name": names, "font": np.full(len(names), "", object)}


def _removal(data: GalleryData) -> tuple[Any, Indices, Any]:
    """Return for each row of the splits the reason of its removal, the row it collides with, and the distance."""
    count = len(data.index.row)
    reason, collides = np.full(count, "", object), np.full(count, _NONE, np.int64)
    distance = np.full(count, np.nan)
    rows = data.global_rows(data.removed["split"], data.removed["row"])
    reason[rows] = data.removed["reason"].astype("str")
    collides[rows] = data.global_rows(data.removed["collides_split"], data.removed["collides_row"])
    distance[rows] = data.removed["distance"]
    return reason, collides, distance


def _item_facts(items: Items, local: Mapping[int, int]) -> dict[str, Any]:
    facts = items.facts
    coded = {name: pd.factorize(facts[name]) for name in ("method", "reason", "note")}
    return {
        "total": items.total,
        "rows": [local[row] for row in items.rows.tolist()],
        "sizes": items.sizes.tolist(),
        "size": facts["size"].tolist(),
        "distance": _numbers(facts["distance"].to_numpy(np.float64)),
        **{name: codes.tolist() for name, (codes, _) in coded.items()},
        "texts": {name: texts.tolist() for name, (_, texts) in coded.items()},
    }


def _rejected_facts(rejected: pd.DataFrame, total: int, first: int) -> dict[str, Any]:
    """Return the rejected files as items of one row each, which follow the rows of the splits."""
    count = len(rejected)
    reasons, texts = pd.factorize(rejected["outcome"].astype("str").to_numpy(object))
    return {
        "total": total,
        "rows": list(range(first, first + count)),
        "sizes": [1] * count,
        "size": [1] * count,
        "distance": [None] * count,
        "method": [0] * count,
        "reason": reasons.tolist(),
        "note": list(range(count)),
        "texts": {"method": [""], "reason": texts.tolist(), "note": _sizes_in_words(rejected["bytes"].tolist())},
    }


def _sizes_in_words(sizes: Sequence[int]) -> list[str]:
    return [f"{size:,} bytes" for size in sizes]


def _numbers(values: "np.ndarray[Any, Any]") -> list[float | None]:
    """Return distances with three decimals, None for unknown ones."""
    return [None if np.isnan(value) else round(float(value), 3) for value in values]
