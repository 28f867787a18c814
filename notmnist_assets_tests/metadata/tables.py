"""Values of all assets with columns, made from random images, and functions that compute each table from its inputs."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from notmnist_assets.curation.baselines.confusion import confident_mistakes
from notmnist_assets.curation.baselines.evaluation import baseline_metrics
from notmnist_assets.curation.baselines.fitting import fit
from notmnist_assets.curation.baselines.leakage import find_twins, leakage_table
from notmnist_assets.curation.baselines.models import DEFAULT_MODEL, MODELS
from notmnist_assets.curation.baselines.reference import reference_table, unshared_rows
from notmnist_assets.curation.baselines.scoring import row_groups
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.values import LetterImages, Split
from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.curation.duplicates.overlap import label_conflicts, overlap_report
from notmnist_assets.curation.duplicates.pair_table import chosen_radius, images_of, radius_table, search_near
from notmnist_assets.curation.duplicates.recall import recall_table
from notmnist_assets.curation.duplicates.row_index import METHODS, RowIndex
from notmnist_assets.curation.exports.evidence import evidence_of, row_evidence
from notmnist_assets.curation.exports.parquet import write_files
from notmnist_assets.curation.labels import features
from notmnist_assets.curation.labels.issues import KINDS, label_issues
from notmnist_assets.curation.reading.files import files_table, readable_files
from notmnist_assets.curation.sanitizing.decision import Policy, sanitize
from notmnist_assets.curation.sanitizing.grouping import gather_splits, group_images, pool_letters
from notmnist_assets.curation.splitting.splits import SET_OF_SPLIT, SPLITS, canonical_rows, gather, sizes_from_data
from notmnist_assets_tests import builders
from notmnist_assets_tests.builders import split_of

Values = dict[str, Any]
Table = dict[str, list[Any]]


def example_values() -> Values:
    """Return every input of a table: splits of noisy copies of ten images, and four images with two labels each."""
    random = np.random.default_rng(5)
    originals = random.integers(0, 256, (10, 28, 28), dtype=np.uint8)
    values: Values = {}
    for name, rows in (("train", 120), ("valid", 60), ("test", 60)):
        labels = random.integers(0, 10, rows)
        images = originals[labels].reshape(rows, 784)
        for image in images:
            image[random.choice(784, random.integers(0, 12), replace=False)] ^= 127
        for pair in range(4):
            images[2 * pair] = images[2 * pair + 1] = random.integers(0, 256, 784, dtype=np.uint8)
            images[2 * pair, : 6 * pair] ^= 127
            labels[2 * pair : 2 * pair + 2] = pair, pair + 5
        values[f"splits/{name}"] = split_of(images.reshape(rows, 28, 28), labels.tolist(), name=name)
        values[f"hashes/{name}"] = hash_table(values[f"splits/{name}"])
    index = RowIndex(group(values, "hashes"))
    values["overlap/near_pairs"] = search_near(index, group(values, "splits"), 12.0).pairs
    values["overlap/radius"] = radius_table(index, values["overlap/near_pairs"], searched=12.0, fixed=1.0)
    outcome = sanitize(index, Policy("exact"))
    values["sanitized/removed"] = outcome.removed
    for name, kept in outcome.kept.items():
        values[f"sanitized/{name}"] = values[f"splits/{name}"].take(kept.astype(np.intp))
    for place, of in enumerate(SETS):
        letters = builders.letters_of(of, [12] * 10, seed=place)
        values |= {f"letters/{of}/{letter}": images for letter, images in letters.items()}
    values["letters/files"] = files_table(letters_of(values))
    values["labels/issues"] = pd.concat(
        [
            split.sources.astype("str").assign(
                split=name,
                row=np.arange(len(split)),
                likely="A",
                label_quality=random.random(len(split)),
                kind=random.choice(KINDS, len(split)),
                rank=np.arange(len(split)),
                fold=0,
                fitted=True,
            )
            for name, split in group(values, "splits").items()
        ],
        ignore_index=True,
    )
    return values


def rows_of(split: Split) -> Table:
    images = [image.tobytes() for image in split.images]
    return {
        "image": images,
        "label": split.labels.tolist(),
        **{str(column): source.tolist() for column, source in split.sources.items()},
    }


def group(values: Values, name: str) -> dict[str, Any]:
    return {split: values[f"{name}/{split}"] for split in SPLITS}


def index_of(values: Values, radius: float | None = None) -> RowIndex:
    pairs = values["overlap/near_pairs"]
    return RowIndex(
        group(values, "hashes"), pairs, chosen_radius(values["overlap/radius"]) if radius is None else radius
    )


def letters_of(values: Values, sets: Sequence[str] = SETS) -> dict[str, dict[str, LetterImages]]:
    return {of: {letter: values[f"letters/{of}/{letter}"] for letter in LETTERS} for of in sets}


def list_files(values: Values) -> Table:
    return files_table(letters_of(values)).to_dict("list")  # type: ignore[return-value]


def sample(values: Values, name: str) -> Table:
    large, small = (readable_files(values["letters/files"], of) for of in SETS)
    sizes = sizes_from_data(large, small, train=60, valid=20, test=20)
    own = SET_OF_SPLIT[name]
    return rows_of(gather(own, letters_of(values, [own])[own], canonical_rows(large, small, sizes, 133)[name]))


def gather_groups(values: Values, name: str) -> Table:
    pool = pool_letters(letters_of(values))
    return rows_of(gather_splits(pool, np.arange(len(pool.label)) % 3, 133)[name])


def search(values: Values) -> Table:
    pairs = search_near(RowIndex(group(values, "hashes")), group(values, "splits"), 12.0).pairs
    return pairs.to_dict("list")  # type: ignore[return-value]


def choose(values: Values) -> Table:
    return radius_table(index_of(values, 12.0), values["overlap/near_pairs"], searched=12.0, fixed=None).to_dict("list")  # type: ignore[return-value]


def digest(values: Values, name: str) -> Table:
    return hash_table(values[f"splits/{name}"]).to_dict("list")  # type: ignore[return-value]


def report(values: Values) -> Table:
    return overlap_report(index_of(values)).to_dict("list")  # type: ignore[return-value]


def conflicts(values: Values) -> Table:
    return label_conflicts(index_of(values), group(values, "splits")).to_dict("list")  # type: ignore[return-value]


def study(values: Values) -> Table:
    index = index_of(values)
    images = images_of(index, group(values, "splits"), index.first_rows[:12])
    return recall_table(images, chosen_radius(values["overlap/radius"])).to_dict("list")  # type: ignore[return-value]


def clean(values: Values, name: str) -> Table:
    removed = values["sanitized/removed"]
    gone = removed.loc[removed["split"] == name, "row"]
    split = values[f"splits/{name}"]
    return rows_of(split.take(np.setdiff1d(np.arange(len(split)), gone)))


def removed(values: Values) -> Table:
    tables = [sanitize(index_of(values), Policy(method)).removed for method in METHODS]
    return pd.concat(tables).to_dict("list")  # type: ignore[return-value]


def judge(values: Values) -> Table:
    pool = pool_letters(letters_of(values))
    groups = group_images(pool, chosen_radius(values["overlap/radius"]), by_font=False)
    # Few components, because every column of every input is changed.
    with patch.object(features, "COMPONENTS", 4):
        table = label_issues(pool, groups, group(values, "splits")).table
    return table.to_dict("list")  # type: ignore[return-value]


def score(values: Values) -> Table:
    groups = row_groups(index_of(values))
    metrics = baseline_metrics(group(values, "splits"), group(values, "sanitized"), sizes=(50,), groups=groups)
    return metrics.drop(columns="seconds").to_dict("list")  # type: ignore[return-value]


def misread(values: Values) -> Table:
    train = values["sanitized/train"]
    model, _ = fit(MODELS[DEFAULT_MODEL], train.images, train.labels)
    splits = {name: values[f"splits/{name}"] for name in ("valid", "test")}
    return confident_mistakes(splits, model).to_dict("list")  # type: ignore[return-value]


def leak(values: Values) -> Table:
    index = index_of(values)
    twins = find_twins(index, row_groups(index)["test"])
    return leakage_table(values["splits/train"], values["splits/test"], twins).to_dict("list")  # type: ignore[return-value]


def refer(values: Values) -> Table:
    index = index_of(values)
    found = reference_table(
        values["splits/train"],
        values["splits/test"],
        unshared_rows(index),
        row_groups(index)["test"],
        sizes=(50,),
    )
    return found.drop(columns="seconds").to_dict("list")  # type: ignore[return-value]


def export(values: Values) -> Table:
    splits, raw = (group(values, name) for name in ("sanitized", "splits"))
    rows = row_evidence(
        index_of(values), raw, values["overlap/near_pairs"], 12.0, values["sanitized/removed"], values["labels/issues"]
    )
    tables = []
    for write in write_files(splits, evidence_of(splits, raw, rows)).values():
        file = BytesIO()
        write(file)
        tables.append(pd.read_parquet(file))
    return pd.concat(tables).to_dict("list")  # type: ignore[return-value]


MAKERS: Mapping[str, Callable[[Values], Table]] = {
    **{f"splits/{name}": partial(sample, name=name) for name in SPLITS},
    **{f"grouped/{name}": partial(gather_groups, name=name) for name in SPLITS},
    **{f"sanitized/{name}": partial(clean, name=name) for name in SPLITS},
    **{f"hashes/{name}": partial(digest, name=name) for name in SPLITS},
    "letters/files": list_files,
    "overlap/near_pairs": search,
    "overlap/radius": choose,
    "overlap/report": report,
    "overlap/label_conflicts": conflicts,
    "overlap/recall": study,
    "sanitized/removed": removed,
    "labels/issues": judge,
    "baselines/metrics": score,
    "baselines/mistakes": misread,
    "baselines/leakage": leak,
    "baselines/reference": refer,
    "exports/parquet": export,
}
