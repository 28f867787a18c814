"""Renders letters in worker processes and writes them as two archives with their ground truth."""

import hashlib
import json
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, Final

import numpy as np
import pyarrow as pa
from filelock import FileLock, Timeout

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.progress import progress_bar
from tools.render.ground_truth import RenderedLetter, write_ground_truth
from tools.render.members import Members, Stretch, end_of_tar, folder_member, make_members
from tools.render.planting import Plan
from tools.render.recipe import SEED, fingerprint, recipe

ARCHIVES: Final = {set_name: f"notMNIST_{set_name}.tar.gz" for set_name in SETS}
GROUND_TRUTH, CHECKSUMS, RECIPE = "ground_truth.parquet", "SHA256SUMS", "recipe.json"

_SCRATCH, _LOCK = ".rendering", "lock"
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
    force: bool = False,
) -> None:
    """Render both archives, `ground_truth.parquet`, `SHA256SUMS` and `recipe.json`.

    The same arguments and library versions give the same bytes, for any number of workers. Memory grows by 40 bytes per
    image and the ground truth. Each file appears when it is complete, `recipe.json` last, so that `is_rendered` implies
    that the others are complete.

    Args:
        destination: folder, created if it does not exist.
        large_per_letter: files for each letter of the large archive, unreadable ones included; at least 20.
        small_per_letter: the same for the small archive.
        seed: seed of all random decisions.
        workers: processes that render; with 1 this process renders.
        force: replace files of these names even if `render_archives` did not write them.

    Raises:
        CurationError: a set is too small or too large, a font is missing, another process renders into
            `destination`, or, without `force`, it has files of these names that `render_archives` did not write.
        OSError: a file cannot be written.
    """
    plan = Plan({"large": large_per_letter, "small": small_per_letter}, seed)
    destination.mkdir(parents=True, exist_ok=True)
    if not force:
        _refuse_to_replace(destination)
    letters: list[RenderedLetter] = []
    with _scratch(destination) as folder:
        total = len(LETTERS) * (large_per_letter + small_per_letter)
        with _renderer(plan, workers) as render, progress_bar("render letters", total, "images") as advance:
            for set_name, archive in ARCHIVES.items():
                letters += _write_archive(folder / archive, plan, set_name, render, advance)
        write_ground_truth(folder / GROUND_TRUTH, plan, letters)
        names = (*ARCHIVES.values(), GROUND_TRUTH)
        _write_text(folder / CHECKSUMS, "".join(f"{_sha256(folder / name)}  {name}\n" for name in names))
        described = {
            **recipe(large_per_letter, small_per_letter, seed),
            "fingerprint": fingerprint(large_per_letter, small_per_letter, seed),
            "sha256": {name: _sha256(folder / name) for name in (*names, CHECKSUMS)},
        }
        _write_text(folder / RECIPE, json.dumps(described, indent=2) + "\n")
        for name in (*names, CHECKSUMS, RECIPE):
            (folder / name).replace(destination / name)


def is_rendered(destination: Path, *, large_per_letter: int, small_per_letter: int, seed: int = SEED) -> bool:
    """Return whether `destination` has the files that `render_archives` would write, according to its recipe."""
    if not all((destination / name).is_file() for name in (*ARCHIVES.values(), GROUND_TRUTH, CHECKSUMS)):
        return False
    return _stored_recipe(destination).get("fingerprint") == fingerprint(large_per_letter, small_per_letter, seed)


def _stored_recipe(destination: Path) -> dict[str, Any]:
    """Return the content of `recipe.json`; empty if there is none or another program wrote it."""
    try:
        described = json.loads((destination / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    ours = isinstance(described, dict) and isinstance(described.get("sha256"), dict)
    return described if ours else {}


def _refuse_to_replace(destination: Path) -> None:
    """Raise CurationError if a file would be replaced that an earlier rendering did not write, byte for byte."""
    described = _stored_recipe(destination)
    written = described.get("sha256", {})
    existing = [name for name in (*ARCHIVES.values(), GROUND_TRUTH, CHECKSUMS) if (destination / name).exists()]
    foreign = [name for name in existing if not _has_digest(destination / name, written.get(name))]
    if (destination / RECIPE).exists() and not described:
        foreign.append(RECIPE)
    if foreign:
        raise CurationError(
            f"it has {', '.join(foreign)}, which this command did not write or which changed afterwards.",
            subject=str(destination),
            remedy="Render into another folder, or replace them with --force.",
        )


@contextmanager
def _scratch(destination: Path) -> Iterator[Path]:
    """Provide an empty folder in `destination` for unfinished files, and delete it afterwards.

    Files of a killed process are deleted first. A lock file, unlocked when its process ends, distinguishes them from
    those of a running process.
    """
    folder = destination / _SCRATCH
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise CurationError(
            "another process is rendering into this folder.",
            subject=str(destination),
            remedy="Wait until it has ended, or render into another folder.",
        ) from None
    try:
        _clear(folder)
        yield folder
    finally:
        _clear(folder)
        lock.release()
        (folder / _LOCK).unlink(missing_ok=True)
        with suppress(OSError):  # another process uses it
            folder.rmdir()


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != _LOCK:
            path.unlink()


@contextmanager
def _renderer(plan: Plan, workers: int) -> Iterator[_Render]:
    """Provide a function that renders stretches in order, some of them in advance."""
    if workers <= 1:
        yield lambda stretches: (make_members(plan, stretch) for stretch in stretches)
        return
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_the_parent
    )

    def render(stretches: Iterable[Stretch]) -> Iterator[Members]:
        waiting: deque[Future[Members]] = deque()
        for stretch in stretches:
            waiting.append(pool.submit(make_members, plan, stretch))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    try:
        yield render
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_the_parent() -> None:
    """End this worker when its parent process ends, also if the parent is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def wait() -> None:
            parent.join()
            os._exit(1)

        Thread(target=wait, daemon=True).start()


def _write_archive(
    path: Path, plan: Plan, set_name: str, render: _Render, advance: Callable[[int], None]
) -> list[RenderedLetter]:
    fonts = plan.fonts[set_name]
    stretches = [
        Stretch(set_name, letter, start, min(start + _STRETCH, fonts))
        for letter in LETTERS
        for start in range(0, fonts, _STRETCH)
    ]
    parts: dict[str, list[Members]] = {letter: [] for letter in LETTERS}
    # pyarrow has its own zlib; `png_writing` says why it is used.
    with pa.OSFile(str(path), "wb") as file, pa.CompressedOutputStream(file, "gzip") as tar:
        size = tar.write(folder_member(f"notMNIST_{set_name}"))
        for stretch, members in zip(stretches, render(stretches), strict=True):
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
        RenderedLetter(
            set_name,
            letter,
            plan.order(set_name, letter),
            np.concatenate([part.digests for part in done]),
            np.concatenate([part.distances for part in done]),
        )
        for letter, done in parts.items()
    ]


def _has_digest(path: Path, sha256: str | None) -> bool:
    return path.is_file() and _sha256(path) == sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
