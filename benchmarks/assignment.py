"""The stages of the assignment's notebook, with current libraries.

The notebook unpacks archives to disk, opens each file, writes float32 pickles, shuffles copies, hashes each row with
SHA-1 and fits scikit-learn's default model. Five changes make the results comparable: files are read in canonical
order; a file with a wrong shape is skipped instead of ending its letter; the random stream is an argument instead of
global; hashes are computed once instead of once per comparison; and repeats are removed from each split (the notebook
returns training rows for all of them).
"""

import hashlib
import importlib
import os
import pickle
import shutil
import tarfile
import time
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.measure import Findings, Stage, Steps
from benchmarks.place import Place
from notmnist_assets.curation.core.images import LETTERS, PIXEL_DEPTH, PIXELS, SIDE

_SPLITS: Final = ("train", "valid", "test")
_TRAINING_SIZES: Final = (50, 100, 1000, 5000)
_CELL: Final = 4
_PICKLE: Final = "notMNIST.pickle"
_METHODS: Final = ("exact", "cells")
_PAIRS: Final = (("train", "valid"), ("train", "test"), ("valid", "test"))

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]
Hashes = dict[str, dict[str, npt.NDArray[np.bytes_]]]


def letters_large(place: Place) -> Steps:
    """Read the large archive and write ten pickles."""
    return _letters(place, "large")


def letters_small(place: Place) -> Steps:
    """Read the small archive and write ten pickles."""
    return _letters(place, "small")


def _letters(place: Place, set_name: str) -> Steps:
    root = place.work / f"notMNIST_{set_name}"
    target = place.folder("letters")
    shutil.rmtree(root, ignore_errors=True)
    read, reader = _picture_reader()
    yield
    start = time.perf_counter()
    with tarfile.open(place.archive(set_name)) as archive:
        if hasattr(tarfile, "data_filter"):  # from Python 3.11.4 on
            archive.extractall(place.work, filter="data")
        else:
            archive.extractall(place.work)  # noqa: S202 - rendered by this project
    unpacked = time.perf_counter()
    images, total = 0, 0.0
    for letter in LETTERS:
        tensor = _load_letter(root / letter, read)
        images, total = images + len(tensor), total + float(np.mean(tensor)) * len(tensor)
        with (target / f"{set_name}_{letter}.pickle").open("wb") as file:
            pickle.dump(tensor, file, pickle.HIGHEST_PROTOCOL)
    done = time.perf_counter()
    yield
    shutil.rmtree(root)
    notes = {"reader": reader, "unpack seconds": unpacked - start, "read seconds": done - unpacked}
    return Findings({"images": images, "mean": round(total / max(images, 1), 4)}, notes)


def _picture_reader() -> tuple[Callable[[Path], npt.NDArray[Any]], str]:
    """Return the reader of imageio, which current versions of the assignment use, or of Pillow without imageio."""
    try:
        return importlib.import_module("imageio.v3").imread, "imageio"
    except ImportError:
        image = importlib.import_module("PIL.Image")
        return lambda path: np.asarray(image.open(path)), "Pillow"


def _load_letter(folder: Path, read: Callable[[Path], npt.NDArray[Any]]) -> Floats:
    names = sorted(sorted(os.listdir(folder)), key=str.lower)  # noqa: PTH208 - as in the notebook
    tensor = np.ndarray((len(names), SIDE, SIDE), np.float32)
    count = 0
    for name in names:
        try:
            pixels = (read(folder / name).astype(float) - PIXEL_DEPTH / 2) / PIXEL_DEPTH
        except (OSError, SyntaxError, ValueError):  # imageio and Pillow reject in three ways
            continue
        if pixels.shape == (SIDE, SIDE):
            tensor[count] = pixels
            count += 1
    return tensor[:count]


def splits(place: Place) -> Steps:
    """Merge the pickles of letters into shuffled train, valid and test splits in memory."""
    folder = place.folder("letters")
    yield
    stream = np.random.RandomState(place.seed)
    valid, valid_labels, train, train_labels = _merge(
        folder, "large", place.splits["train"], place.splits["valid"], stream
    )
    test, test_labels = _merge(folder, "small", place.splits["test"], 0, stream)[2:]
    merged = {}
    for name, images, labels in (
        ("train", train, train_labels),
        ("test", test, test_labels),
        ("valid", valid, valid_labels),
    ):
        order = stream.permutation(len(labels))
        merged[name] = (images[order], labels[order])
    yield
    for name, (images, labels) in merged.items():
        np.save(place.work / f"{name}_dataset.npy", images)
        np.save(place.work / f"{name}_labels.npy", labels)
    return Findings({name: _digest(*merged[name]) for name in _SPLITS})


def _merge(
    folder: Path, set_name: str, train_size: int, valid_size: int, stream: np.random.RandomState
) -> tuple[Floats, Labels, Floats, Labels]:
    train: Floats = np.ndarray((train_size, SIDE, SIDE), np.float32)
    valid: Floats = np.ndarray((valid_size, SIDE, SIDE), np.float32)
    train_labels: Labels = np.ndarray(train_size, np.int32)
    valid_labels: Labels = np.ndarray(valid_size, np.int32)
    per_train, per_valid = train_size // len(LETTERS), valid_size // len(LETTERS)
    for label, letter in enumerate(LETTERS):
        with (folder / f"{set_name}_{letter}.pickle").open("rb") as file:
            tensor = pickle.load(file)  # noqa: S301 - written by an earlier stage
        stream.shuffle(tensor)
        rows = slice(label * per_valid, (label + 1) * per_valid)
        valid[rows] = tensor[:per_valid]
        valid_labels[rows] = label
        rows = slice(label * per_train, (label + 1) * per_train)
        train[rows] = tensor[per_valid : per_valid + per_train]
        train_labels[rows] = label
    return valid, valid_labels, train, train_labels


def _digest(images: Floats, labels: Labels) -> str:
    digest = hashlib.sha256(np.rint(images * PIXEL_DEPTH + PIXEL_DEPTH / 2).astype(np.uint8).tobytes())
    digest.update(labels.tobytes())
    return digest.hexdigest()[:16]


def _load_splits(place: Place) -> dict[str, tuple[Floats, Labels]]:
    return {
        name: (np.load(place.work / f"{name}_dataset.npy"), np.load(place.work / f"{name}_labels.npy"))
        for name in _SPLITS
    }


def export_pickle(place: Place) -> Steps:
    """Write six arrays to one pickle."""
    merged = _load_splits(place)
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name in _SPLITS:
        arrays[f"{name}_dataset"], arrays[f"{name}_labels"] = merged[name]
    path = place.work / _PICKLE
    yield
    with path.open("wb") as file:
        pickle.dump(arrays, file, pickle.HIGHEST_PROTOCOL)
    yield
    return Findings({"values": sum(int(array.size) for array in arrays.values())}, {"bytes": path.stat().st_size})


def load(place: Place) -> Steps:
    """Load the stored splits."""
    yield
    with (place.work / _PICKLE).open("rb") as file:
        arrays = pickle.load(file)  # noqa: S301 - written by an earlier stage
    yield
    return Findings({"rows": sum(len(arrays[f"{name}_labels"]) for name in _SPLITS)})


def hash_rows(place: Place) -> Steps:
    """Hash each row with SHA-1, and the maxima of its 4x4 cells."""
    merged = _load_splits(place)
    yield
    hashes: Hashes = {
        name: {"exact": _sha1(images), "cells": _sha1(_maxima(images))} for name, (images, _) in merged.items()
    }
    yield
    for name, method in product(_SPLITS, _METHODS):
        np.save(place.folder("hashes") / f"{name}_{method}.npy", hashes[name][method])
    distinct = {
        method: len(np.unique(np.concatenate([hashes[name][method] for name in _SPLITS]))) for method in _METHODS
    }
    return Findings({f"distinct {method}": count for method, count in distinct.items()})


def _sha1(images: Floats) -> npt.NDArray[np.bytes_]:
    return np.array([hashlib.sha1(image, usedforsecurity=False).hexdigest() for image in images], dtype=bytes)


def _maxima(images: Floats) -> Floats:
    cells = SIDE // _CELL
    return np.ascontiguousarray(images.reshape(len(images), cells, _CELL, cells, _CELL).max(axis=(2, 4)))


def _load_hashes(place: Place) -> Hashes:
    folder = place.folder("hashes")
    return {name: {method: np.load(folder / f"{name}_{method}.npy") for method in _METHODS} for name in _SPLITS}


def overlap(place: Place) -> Steps:
    """Count the rows of each split that are also in another split, in both directions, by both hashes."""
    hashes = _load_hashes(place)
    yield
    found = {}
    for method in _METHODS:
        for one, other in _PAIRS:
            for rows_of, found_in in ((one, other), (other, one)):
                shared = np.isin(hashes[rows_of][method], hashes[found_in][method])
                found[f"{method} {rows_of} in {found_in}"] = int(shared.sum())
    yield
    return Findings(found)


def sanitize(place: Place) -> Steps:
    """Remove exact leaks, then repeats, and pickle the remaining rows."""
    merged, hashes = _load_splits(place), _load_hashes(place)
    yield
    train, valid, test = (hashes[name]["exact"] for name in _SPLITS)
    leaks = {
        "train": np.zeros(len(train), bool),
        "valid": np.isin(valid, train),
        "test": np.isin(test, train) | np.isin(test, valid),
    }
    arrays: dict[str, npt.NDArray[Any]] = {}
    kept = {}
    for name in _SPLITS:
        left = np.flatnonzero(~leaks[name])
        _, first = np.unique(hashes[name]["exact"][left], return_index=True)
        rows = left[np.sort(first)]
        images, labels = merged[name]
        arrays[f"{name}_dataset"] = images[rows]
        arrays[f"{name}_labels"] = labels[rows]
        kept[f"kept {name}"] = len(rows)
    with (place.work / "notMNIST_sanitized.pickle").open("wb") as file:
        pickle.dump(arrays, file, pickle.HIGHEST_PROTOCOL)
    yield
    return Findings(kept)


def baselines_some(place: Place) -> Steps:
    """Fit on 50, 100, 1000 and 5000 rows."""
    return _baselines(place, lambda rows: [size for size in _TRAINING_SIZES if size <= rows])


def baselines_all(place: Place) -> Steps:
    """Fit on all training rows."""
    return _baselines(place, lambda rows: [rows])


def _baselines(place: Place, sizes: Callable[[int], list[int]]) -> Steps:
    from sklearn.linear_model import LogisticRegression

    rows = {
        name: (images.reshape(len(images), PIXELS), labels) for name, (images, labels) in _load_splits(place).items()
    }
    train, train_labels = rows["train"]
    chosen = sizes(len(train))
    models: list[Any] = []
    accuracy = {}
    yield
    with warnings.catch_warnings():
        # The notes report that the default number of steps does not suffice.
        warnings.simplefilter("ignore")
        for size in chosen:
            models.append(LogisticRegression().fit(train[:size], train_labels[:size]))
            accuracy.update({f"{name} at {size}": float(models[-1].score(*rows[name])) for name in ("valid", "test")})
    yield
    steps = [int(model.n_iter_.max()) for model in models]
    converged = [step < model.max_iter for step, model in zip(steps, models, strict=True)]
    return Findings({"fits": len(models)}, {"accuracy": accuracy, "steps": steps, "converged": converged})


STAGES: Final[dict[str, Stage]] = {
    "letters, large": letters_large,
    "letters, small": letters_small,
    "splits": splits,
    "pickle": export_pickle,
    "load": load,
    "hashes": hash_rows,
    "overlap": overlap,
    "sanitize": sanitize,
    "baselines 50-5000": baselines_some,
    "baseline, all rows": baselines_all,
}
