"""Compares the duplicate search of this project with imagededup, cleanvision and brute force on the same images.

The other libraries run with their defaults, if they are installed. They search for images that look alike by perceptual
hashes; a duplicate here is a pair of rows with an L1 distance of at most `RADIUS`, including equal images.
"""

import importlib
import importlib.util
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from benchmarks.measure import Findings, Measurement, Stage, Steps
from benchmarks.place import Place
from benchmarks.stored import load_splits
from notmnist_assets.curation.core.images import PIXEL_DEPTH, PIXELS, Images
from notmnist_assets.curation.duplicates.near import near_pairs

RADIUS: Final = 10.0
"""Sum of absolute pixel differences / 255; pairs within it look the same."""
ROWS: Final = 5_000
_WARM_UP_ROWS: Final = 100
_BLOCK: Final = 250
_DISTRIBUTIONS: Final = {"imagededup": "imagededup", "cleanvision": "cleanvision"}

Pairs = npt.NDArray[np.int64]


def brute_force(place: Place) -> Steps:
    """Compare each pair of rows pixel by pixel."""
    from scipy.spatial.distance import cdist

    flat = _images(place).reshape(-1, PIXELS).astype(np.float64)
    yield
    parts = []
    for start in range(0, len(flat), _BLOCK):
        near = cdist(flat[start : start + _BLOCK], flat[start:], "cityblock") <= RADIUS * PIXEL_DEPTH
        a, b = np.nonzero(near)
        parts.append(np.column_stack([a + start, b + start])[a < b])
    yield
    return _store_pairs(place, "brute force", np.concatenate(parts))


def ours(place: Place) -> Steps:
    """Search pairs exactly with `near_pairs`."""
    images = _images(place)
    near_pairs(images[:_WARM_UP_ROWS], RADIUS)
    yield
    pairs = near_pairs(images, RADIUS)
    yield
    return _store_pairs(place, "ours", np.column_stack([pairs.a, pairs.b]))


def imagededup(place: Place) -> Steps:
    """Search pairs of perceptual hashes within the default Hamming distance of 10."""
    folder = _picture_files(place)
    method = importlib.import_module("imagededup.methods").PHash(verbose=False)
    yield
    duplicates = method.find_duplicates(image_dir=str(folder))
    yield
    return _store_pairs(place, "imagededup", _as_pairs((one, other) for one in duplicates for other in duplicates[one]))


def cleanvision(place: Place) -> Steps:
    """Search equal perceptual hashes and equal pixels."""
    folder = _picture_files(place)
    library = importlib.import_module("cleanvision")
    yield
    lab = library.Imagelab(data_path=str(folder), verbose=False)
    lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, verbose=False)
    yield
    groups = [group for kind in ("exact_duplicates", "near_duplicates") for group in lab.info[kind]["sets"]]
    return _store_pairs(place, "cleanvision", _as_pairs(pair for group in groups for pair in combinations(group, 2)))


STAGES: Final[dict[str, Stage]] = {
    "brute force": brute_force,
    "ours": ours,
    "imagededup": imagededup,
    "cleanvision": cleanvision,
}


def installed_searches() -> dict[str, Stage]:
    """Return the searches whose libraries are installed."""
    return {
        name: stage
        for name, stage in STAGES.items()
        if name not in _DISTRIBUTIONS or importlib.util.find_spec(_DISTRIBUTIONS[name])
    }


def comparison(place: Place, measured: dict[str, Measurement]) -> pd.DataFrame:
    """Return the costs and results of each search.

    Columns: `search`, `seconds`, `cpu_seconds`, `peak_mb`, `pairs`, `found` (share of the pairs of brute force),
    `missed` (pairs of brute force that it did not find), `beyond` (its pairs beyond the radius),
    `different_letters` (share of its pairs).
    """
    truth = _keys(_pairs(place, "brute force"))
    labels = load_splits(place)["train"].labels
    records = []
    for name, measurement in measured.items():
        pairs = _pairs(place, name)
        found = int(np.isin(_keys(pairs), truth).sum())
        different = labels[pairs[:, 0]] != labels[pairs[:, 1]]
        records.append(
            {
                "search": name,
                "seconds": measurement.seconds,
                "cpu_seconds": measurement.cpu_seconds,
                "peak_mb": measurement.peak_bytes / 1e6,
                "pairs": len(pairs),
                "found": found / max(len(truth), 1),
                "missed": len(truth) - found,
                "beyond": len(pairs) - found,
                "different_letters": float(different.mean()) if len(pairs) else 0.0,
            }
        )
    return pd.DataFrame(records)


def _images(place: Place) -> Images:
    return np.array(load_splits(place)["train"].images[:ROWS])


def _picture_files(place: Place) -> Path:
    """Write each row as a PNG file named after its row number."""
    folder = place.folder("pictures")
    for row, image in enumerate(_images(place)):
        Image.fromarray(image).save(folder / f"{row}.png")
    return folder


def _as_pairs(names: Iterable[tuple[str, str]]) -> Pairs:
    """Convert pairs of file names to distinct pairs of row numbers, smaller first."""
    rows = {tuple(sorted((int(Path(one).stem), int(Path(other).stem)))) for one, other in names}
    return np.array(sorted(rows), np.int64).reshape(-1, 2)


def _store_pairs(place: Place, name: str, pairs: npt.NDArray[np.integer]) -> Findings:
    ordered = np.sort(pairs.astype(np.int64), axis=1)
    np.save(place.folder("peers") / f"{name}.npy", ordered)
    return Findings({}, {"pairs": len(ordered)})


def _pairs(place: Place, name: str) -> Pairs:
    pairs: Pairs = np.load(place.folder("peers") / f"{name}.npy")
    return pairs


def _keys(pairs: Pairs) -> npt.NDArray[np.int64]:
    keys: npt.NDArray[np.int64] = pairs[:, 0] * ROWS + pairs[:, 1]
    return keys
