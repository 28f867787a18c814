"""Writing a rendered sample as the two archives that everything else starts from.

Belongs here: files on disk, their order and completeness, and the worker processes. What is inside the
members is made elsewhere.
"""

import hashlib
import json
import multiprocessing
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Final

import numpy as np
import pyarrow as pa

from notmnist_assets.curation.images import LETTERS, SETS
from notmnist_assets.curation.progress import stage
from notmnist_assets.sources.sample.ground_truth import Drawn, write_ground_truth
from notmnist_assets.sources.sample.members import Members, Stretch, end_of_tar, folder_member, make_members
from notmnist_assets.sources.sample.planting import Plan
from notmnist_assets.sources.sample.recipe import SEED, fingerprint, recipe

ARCHIVES: Final = {set_name: f"notMNIST_{set_name}.tar.gz" for set_name in SETS}
GROUND_TRUTH, CHECKSUMS, RECIPE = "ground_truth.parquet", "SHA256SUMS", "recipe.json"

_STRETCH: Final = 1024
_AHEAD: Final = 3
_GZIP_SYSTEM_BYTE: Final = 9
_UNKNOWN_SYSTEM: Final = b"\xff"

_Render = Callable[[Iterable[Stretch]], Iterator[Members]]


def render_archives(
    destination: Path,
    *,
    large_per_letter: int,
    small_per_letter: int,
    seed: int = SEED,
    workers: int = 2,
) -> None:
    """Render a sample: both archives, `ground_truth.parquet`, `SHA256SUMS` and `recipe.json`.

    The same arguments and library versions give the same bytes, for any number of workers. Memory does not
    grow with the archives but for 40 bytes an image and the ground truth. Each file appears whole or not at
    all; `recipe.json` comes last, so that `is_rendered` vouches for the others.

    Args:
        destination: folder, made when needed.
        large_per_letter: files for each letter of the large archive, unreadable ones included; at least 20.
        small_per_letter: the same for the small archive.
        seed: of all random decisions.
        workers: processes that draw; with 1 this process draws itself.

    Raises:
        CurationError: a set is too small or too large, or a font is missing.
    """
    plan = Plan({"large": large_per_letter, "small": small_per_letter}, seed)
    destination.mkdir(parents=True, exist_ok=True)
    drawn: list[Drawn] = []
    with tempfile.TemporaryDirectory(prefix=".rendering-", dir=destination) as scratch:
        folder = Path(scratch)
        total = len(LETTERS) * (large_per_letter + small_per_letter)
        with _drawing(plan, workers) as draw, stage("render letters", total, "images") as advance:
            for set_name, archive in ARCHIVES.items():
                drawn += _write_archive(folder / archive, plan, set_name, draw, advance)
        write_ground_truth(folder / GROUND_TRUTH, plan, drawn)
        names = (*ARCHIVES.values(), GROUND_TRUTH)
        _write_text(folder / CHECKSUMS, "".join(f"{_sha256(folder / name)}  {name}\n" for name in names))
        described = recipe(large_per_letter, small_per_letter, seed)
        described["fingerprint"] = fingerprint(large_per_letter, small_per_letter, seed)
        _write_text(folder / RECIPE, json.dumps(described, indent=2) + "\n")
        for name in (*names, CHECKSUMS, RECIPE):
            (folder / name).replace(destination / name)


def is_rendered(destination: Path, *, large_per_letter: int, small_per_letter: int, seed: int = SEED) -> bool:
    """Tell whether `destination` holds what `render_archives` would write, by the recipe stored beside it."""
    if not all((destination / name).is_file() for name in (*ARCHIVES.values(), GROUND_TRUTH, CHECKSUMS, RECIPE)):
        return False
    try:
        described = json.loads((destination / RECIPE).read_text(encoding="utf-8"))
    except ValueError:
        return False
    wanted = fingerprint(large_per_letter, small_per_letter, seed)
    return isinstance(described, dict) and described.get("fingerprint") == wanted


@contextmanager
def _drawing(plan: Plan, workers: int) -> Iterator[_Render]:
    """Give a function that draws stretches in their order, a few of them ahead."""
    if workers <= 1:
        yield lambda stretches: (make_members(plan, stretch) for stretch in stretches)
        return
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_the_parent
    )

    def draw(stretches: Iterable[Stretch]) -> Iterator[Members]:
        waiting: deque[Future[Members]] = deque()
        for stretch in stretches:
            waiting.append(pool.submit(make_members, plan, stretch))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    try:
        yield draw
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_the_parent() -> None:
    """Let this worker end when the process that started it has: one that is killed tells nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def wait() -> None:
            parent.join()
            os._exit(1)

        Thread(target=wait, daemon=True).start()


def _write_archive(path: Path, plan: Plan, set_name: str, draw: _Render, advance: Callable[[int], None]) -> list[Drawn]:
    fonts = plan.fonts[set_name]
    stretches = [
        Stretch(set_name, letter, start, min(start + _STRETCH, fonts))
        for letter in LETTERS
        for start in range(0, fonts, _STRETCH)
    ]
    parts: dict[str, list[Members]] = {letter: [] for letter in LETTERS}
    # pyarrow's own zlib, for the reasons told in `curation.png_writing`.
    with pa.OSFile(str(path), "wb") as file, pa.CompressedOutputStream(file, "gzip") as tar:
        size = tar.write(folder_member(f"notMNIST_{set_name}"))
        for stretch, members in zip(stretches, draw(stretches), strict=True):
            if stretch.start == 0:
                size += tar.write(folder_member(f"notMNIST_{set_name}/{stretch.letter}"))
            size += tar.write(members.tar)
            parts[stretch.letter].append(Members(b"", members.digests, members.distances))
            advance(stretch.stop - stretch.start)
        tar.write(end_of_tar(size))
    with path.open("r+b") as header:
        header.seek(_GZIP_SYSTEM_BYTE)
        header.write(_UNKNOWN_SYSTEM)
    return [
        Drawn(
            set_name,
            letter,
            plan.order(set_name, letter),
            np.concatenate([part.digests for part in done]),
            np.concatenate([part.distances for part in done]),
        )
        for letter, done in parts.items()
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
