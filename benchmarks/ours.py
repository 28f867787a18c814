"""The stages of this project: calls of `curation` with the inputs and outputs of the assets, then those of `graph`."""

import hashlib
import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.graph import assignment_graph, nothing_to_do, whole_graph
from benchmarks.measure import Findings, Stage, Steps
from benchmarks.place import Place
from benchmarks.stored import load_hashes, load_splits, load_table, save_array, store_hashes, store_splits
from notmnist_assets.cluster import connect
from notmnist_assets.curation.baselines.evaluation import TRAINING_SIZES, baseline_metrics
from notmnist_assets.curation.baselines.fitting import pixel_rows
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.core.images import LETTERS, PIXEL_DEPTH, PIXELS, SETS
from notmnist_assets.curation.core.mapped_tables import ROWS
from notmnist_assets.curation.core.prefetch import WorkMap, prefetch_map
from notmnist_assets.curation.core.values import LetterImages, Split
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.curation.duplicates.near import near_pairs
from notmnist_assets.curation.duplicates.overlap import overlap_report
from notmnist_assets.curation.duplicates.pair_table import chosen_radius, radius_table, search_near
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.exports.pickle_file import write_pickle
from notmnist_assets.curation.reading.letters import read_letters
from notmnist_assets.curation.sanitizing.decision import Policy, Sanitizing
from notmnist_assets.curation.sanitizing.decision import sanitize as decide
from notmnist_assets.curation.splitting.splits import (
    EVALUATION,
    SET_OF_SPLIT,
    SPLITS,
    SplitSizes,
    canonical_rows,
    gather,
)
from notmnist_assets.settings.model import SEARCH_RADIUS
from notmnist_assets.sources.folder import FolderSource

# Imported before the measurements, because a run imports them once and not in each stage.
for _late in ("duckdb", "pyarrow.compute", "notmnist_assets.curation.reading.decoding"):
    importlib.import_module(_late)

_FEW: Final = 100
_MOST_PATHS: Final = 512
"""Million characters, enough for five million images; the setting NOTMNIST_MOST_PATHS."""
_PICKLE: Final = "notMNIST.pickle"
_PAIR_COLUMNS: Final = {"exact_a": "str", "exact_b": "str", "distance": "float64", "rows_a": "int64", "rows_b": "int64"}


@contextmanager
def _cluster(place: Place) -> Iterator[WorkMap | None]:
    """Connect to the cluster of the place; None if it has none."""
    if not place.dask:
        yield None
        return
    with connect(place.dask) as run:
        yield WorkMap(run, place.folder("scratch"))


def verify(place: Place) -> Steps:
    """Find both archives and check their SHA-256."""
    source = FolderSource(str(place.archives), published=False)
    yield
    archives = [source.fetch(set_name) for set_name in SETS]
    yield
    return Findings({}, {"bytes": sum(archive.bytes for archive in archives)})


def letters_large(place: Place) -> Steps:
    """Read the large archive and store ten tensors."""
    return _letters(place, "large")


def letters_small(place: Place) -> Steps:
    """Read the small archive and store ten tensors."""
    return _letters(place, "small")


def _letters(place: Place, set_name: str) -> Steps:
    source = FolderSource(str(place.archives), published=False)
    archive = source.fetch(set_name)
    folder = place.folder("letters")
    yield
    images, total = 0, 0

    def add_ink(letter_and_images: tuple[str, LetterImages]) -> tuple[str, LetterImages, int]:
        letter, found = letter_and_images
        return letter, found, int(found.images.sum(dtype=np.int64))

    with (
        _cluster(place) as cluster,
        read_letters(archive, set_name, scratch=place.work, work_map=cluster, most_paths=_MOST_PATHS) as reading,
    ):
        for letter, found, ink in prefetch_map(add_ink, reading):
            images, total = images + len(found), total + ink
            save_array(folder / f"{set_name}_{letter}.npy", found.images)
            pd.DataFrame({"name": found.names}).to_parquet(folder / f"{set_name}_{letter}.parquet")
            found.rejected.to_parquet(folder / f"{set_name}_{letter}_rejected.parquet")
    yield
    mean = (total / max(images * PIXELS, 1) - PIXEL_DEPTH / 2) / PIXEL_DEPTH
    return Findings({"images": images, "mean": round(mean, 4)})


def splits(place: Place) -> Steps:
    """Merge the stored letters into shuffled train, valid and test splits and store them."""
    folder = place.folder("letters")
    yield
    by_set = {
        set_name: {
            letter: LetterImages(
                np.load(folder / f"{set_name}_{letter}.npy", mmap_mode="r"),
                pd.read_parquet(folder / f"{set_name}_{letter}.parquet")["name"].to_numpy(object),
                pd.read_parquet(folder / f"{set_name}_{letter}_rejected.parquet"),
            )
            for letter in LETTERS
        }
        for set_name in SETS
    }
    large, small = ([len(images) for images in by_set[set_name].values()] for set_name in SETS)
    rows = canonical_rows(large, small, SplitSizes(**place.splits), place.seed)
    merged = {name: gather(SET_OF_SPLIT[name], by_set[SET_OF_SPLIT[name]], rows[name]) for name in SPLITS}
    store_splits(place, "splits", merged)
    yield
    return Findings({name: _digest(merged[name]) for name in SPLITS})


def _digest(split: Split) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(split.images).data)
    digest.update(split.labels.tobytes())
    return digest.hexdigest()[:16]


def export_pickle(place: Place) -> Steps:
    """Write the stored splits to one pickle of six arrays."""
    merged = load_splits(place)
    path = place.work / _PICKLE
    yield
    with path.open("wb") as file:
        write_pickle(merged, file)
    yield
    values = sum(split.images.size + split.labels.size for split in merged.values())
    return Findings({"values": values}, {"bytes": path.stat().st_size})


def load(place: Place) -> Steps:
    """Load the stored splits and read every pixel."""
    yield
    merged = load_splits(place)
    ink = sum(int(split.images.reshape(-1).view(np.uint64).max()) for split in merged.values())
    yield
    return Findings({"rows": sum(len(split) for split in merged.values())}, {"ink": ink > 0})


def hash_rows(place: Place) -> Steps:
    """Hash each row, and the maxima of its 4x4 cells, sum its ink, and store the tables in buckets."""
    merged = load_splits(place)
    yield
    with _cluster(place) as cluster:
        tables = {name: hash_table(split, cluster) for name, split in merged.items()}
    for name, table in tables.items():
        store_hashes(place, name, table)
    yield
    both = pd.concat(list(tables.values()))
    return Findings({f"distinct {method}": int(both[method].nunique()) for method in ("exact", "cells")})


def _no_pairs() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _PAIR_COLUMNS.items()})


def overlap(place: Place) -> Steps:
    """Index all rows, then count leaking and repeated rows by both hashes."""
    hashes = load_hashes(place)
    yield
    report = overlap_report(RowIndex(hashes, _no_pairs(), 0.0))
    yield
    across = report[(report["method"] != "near") & (report["rows_of"] != report["found_in"])]
    return Findings(
        {f"{row.method} {row.rows_of} in {row.found_in}": int(str(row.rows)) for row in across.itertuples(index=False)}
    )


def sanitize(place: Place) -> Steps:
    """Sanitize by equal pixels, as the assignment does, and store the remaining rows."""
    merged, hashes = load_splits(place), load_hashes(place)
    yield
    decision = decide(RowIndex(hashes), Policy(method="exact", conflicts="keep"))
    store_splits(place, "sanitized_exact", _select_rows(merged, decision))
    yield
    return Findings({f"kept {name}": len(decision.kept[name]) for name in SPLITS})


def _select_rows(merged: Mapping[str, Split], decision: Sanitizing) -> dict[str, Split]:
    return {name: merged[name].take(decision.kept[name]) for name in SPLITS}


def baselines_some(place: Place) -> Steps:
    """Fit on 50, 100, 1000 and 5000 rows."""
    return _baselines(place, lambda rows: [size for size in TRAINING_SIZES if size <= rows])


def baselines_all(place: Place) -> Steps:
    """Fit on all training rows."""
    return _baselines(place, lambda rows: [rows])


def _baselines(place: Place, sizes: Callable[[int], list[int]]) -> Steps:
    merged = load_splits(place)
    train = merged["train"]
    chosen = sizes(len(train))
    fits = []
    accuracy = {}
    yield
    for size in chosen:
        fits.append(MODELS[DEFAULT_MODEL].create().fit(pixel_rows(train.images[:size]), train.labels[:size]))
        for name in EVALUATION:
            right = fits[-1].predict(pixel_rows(merged[name].images)) == merged[name].labels
            accuracy[f"{name} at {size}"] = float(right.mean())
    yield
    steps = [fit.n_iter_ for fit in fits]
    converged = [step < fit.max_iter for step, fit in zip(steps, fits, strict=True)]
    return Findings({"fits": len(fits)}, {"accuracy": accuracy, "steps": steps, "converged": converged})


def near_search(place: Place) -> Steps:
    """Index all rows, search all pairs of distinct images within the search radius, and store them."""
    merged, hashes = load_splits(place), load_hashes(place)
    near_pairs(merged["valid"].images[:_FEW], SEARCH_RADIUS)  # loads compiled code, which a run also does once
    yield
    with _cluster(place) as cluster:
        index = RowIndex(hashes, run=prefetch_map if cluster is None else cluster.run)
        pairs = search_near(index, merged, SEARCH_RADIUS, work_map=cluster).pairs
    pairs.to_parquet(place.work / "near_pairs.parquet", row_group_size=ROWS)
    yield
    return Findings({}, {"distinct images": index.images, "pairs": len(pairs), "radius": SEARCH_RADIUS})


def sanitize_near(place: Place) -> Steps:
    """Choose the radius, sanitize by the default policy, and store the remaining rows."""
    merged, hashes = load_splits(place), load_hashes(place)
    pairs = load_table(place.work / "near_pairs.parquet")
    yield
    index = RowIndex(hashes)
    radius = chosen_radius(radius_table(index, pairs, searched=SEARCH_RADIUS, fixed=None))
    decision = decide(index.with_pairs(pairs, radius), Policy())
    store_splits(place, "sanitized", _select_rows(merged, decision))
    yield
    return Findings({}, {"radius": radius, **{f"kept {name}": len(decision.kept[name]) for name in SPLITS}})


def baseline_table(place: Place) -> Steps:
    """Fit ten models on raw and sanitized rows, and forty on random samples, and tabulate their accuracies."""
    raw, sanitized = load_splits(place), load_splits(place, "sanitized")
    yield
    table = baseline_metrics(raw, sanitized)
    yield
    return Findings({}, {"rows": len(table), "converged": bool(table["converged"].all())})


STAGES: Final[dict[str, Stage]] = {
    "verify": verify,
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
    "near search": near_search,
    "sanitize, near": sanitize_near,
    "baseline table": baseline_table,
    "whole graph": whole_graph,
    "assignment's part of it": assignment_graph,
    "nothing to do": nothing_to_do,
}
