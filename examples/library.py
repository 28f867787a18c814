"""Go from two archives to sanitized splits with the library alone, without Dagster and without storing anything.

Run it with `uv run python examples/library.py`, which reads the sample, or name a folder with your own archives.
"""

import sys
from contextlib import ExitStack
from hashlib import file_digest
from pathlib import Path

import notmnist_assets
from notmnist_assets.curation import (
    LETTERS,
    SET_OF_SPLIT,
    SETS,
    SPLITS,
    Archive,
    Policy,
    RowIndex,
    canonical_rows,
    chosen_radius,
    equal_rows,
    gather,
    hash_table,
    overlap_report,
    radius_table,
    read_letters,
    sanitize,
    search_near,
    sizes_from_data,
)

SEARCH_RADIUS = 12.0
SEED = 133


def local_archive(path: Path) -> Archive:
    """Return an archive on disk with its digest, which reading verifies again."""
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return Archive(str(path), path.stat().st_size, digest, origin="a local file")


sample = Path(notmnist_assets.__file__).parent / "sources" / "sample_files"
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else sample
train, valid, test = (12_000, 1_500, 1_500) if folder == sample else (None, None, None)

with ExitStack() as open_archives:
    letters = {}
    for name in SETS:
        archive = local_archive(folder / f"notMNIST_{name}.tar.gz")
        letters[name] = dict(open_archives.enter_context(read_letters(archive, name)))
    large, small = ([len(letters[name][letter]) for letter in LETTERS] for name in SETS)
    sizes = sizes_from_data(large, small, train=train, valid=valid, test=test)
    rows = canonical_rows(large, small, sizes, SEED)
    splits = {name: gather(SET_OF_SPLIT[name], letters[SET_OF_SPLIT[name]], rows[name]) for name in SPLITS}

index = RowIndex({name: hash_table(split) for name, split in splits.items()})
search = search_near(index, splits, SEARCH_RADIUS)
radius = chosen_radius(radius_table(index, search.pairs, searched=SEARCH_RADIUS, fixed=None))
index = index.with_pairs(search.pairs, radius)
print(overlap_report(index).query("rows_of == 'test'").to_string(index=False))  # noqa: T201

outcome = sanitize(index, Policy(method="near", conflicts="drop"))
sanitized = {name: splits[name].take(outcome.kept[name]) for name in SPLITS}
for name in SPLITS:
    print(f"{name}: {len(sanitized[name])} of {len(splits[name])} rows stay, radius {radius:g}")  # noqa: T201
print(outcome.removed["reason"].value_counts().to_string())  # noqa: T201
print("test images left in train:", len(equal_rows(sanitized["test"].images, sanitized["train"].images)))  # noqa: T201
