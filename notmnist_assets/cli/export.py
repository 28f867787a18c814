"""Copies of exports and of the report for the world outside: `notmnist export`, `notmnist report`.

Belongs here: where a copy goes and what it may replace. What is in the files is decided by the assets `exports/*`
and `report/html`.
"""

import os
import shutil
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import uuid4

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.scratch import scratch_folder
from notmnist_assets.storage.store import StoredValue, ValueStore

_COPY_BYTES: Final = 1 << 22
_REMEDY: Final = "Name another place, or replace what is there with --force."


class ExportName(StrEnum):
    """The exports, by the last part of their keys."""

    PICKLE = "pickle"
    NPZ = "npz"
    IDX = "idx"
    PARQUET = "parquet"


def deliver(store: ValueStore, name: ExportName, destination: Path, *, force: bool = False) -> Path:
    """Copy an export and return where it is now; a copy that fails or is stopped leaves what was there before.

    A folder never holds old files beside new ones, not even when the process is killed: old ones are renamed away
    before the first new one gets its name.

    Args:
        store: where values are stored.
        name: the export.
        destination: for an export of one file its new path, or an existing folder to put it into; for others the
            folder to make. Missing parents are made.
        force: replace existing files. Other files in an existing folder stay.

    Raises:
        CurationError: the export is not stored or damaged, or something is in the way.
    """
    return _deliver(store, ["exports", name.value], destination, force=force)


def deliver_report(store: ValueStore, destination: Path, *, force: bool = False) -> Path:
    """Copy the page of `report/html` to a path or into a folder, by the rules of `deliver`.

    Raises:
        CurationError: the page is not stored or damaged, or something is in the way.
    """
    return _deliver(store, ["report", "html"], destination, force=force)


def _deliver(store: ValueStore, key: list[str], destination: Path, *, force: bool) -> Path:
    stored = store.require(key)
    try:
        targets = _targets(stored, destination)
        _check_free(destination, targets, force=force)
        return _copy(store, key, stored, targets)
    except OSError as error:
        raise CurationError(
            f"the copy failed: {error}.", subject=str(destination), remedy="Free the place, or name another."
        ) from error


def _copy(store: ValueStore, key: list[str], stored: StoredValue, targets: Mapping[str, Path]) -> Path:
    folder = next(iter(targets.values())).parent
    is_one_file = len(targets) == 1
    (folder if is_one_file else folder.parent).mkdir(parents=True, exist_ok=True)
    # Complete copies first, on the same file system as their destinations, so that only renaming is left to do.
    with scratch_folder(folder if folder.is_dir() else folder.parent, ".exporting-") as scratch:
        unfinished = scratch / "files"
        unfinished.mkdir()
        for name in targets:
            with store.open(key, stored, name) as source, (unfinished / name).open("xb") as copy:
                shutil.copyfileobj(source, copy, _COPY_BYTES)
        if not folder.exists():
            unfinished.rename(folder)
        elif is_one_file:
            ((name, target),) = targets.items()
            (unfinished / name).replace(target)
        else:
            _swap(unfinished, folder, list(targets))
    return next(iter(targets.values())) if is_one_file else folder


def _swap(new: Path, folder: Path, names: list[str]) -> None:
    """Move files from `new` into `folder`, in place of those of the same names; on any failure, put these back."""
    # Only these files move, not the folder: it may be where the user is, a mount, or hold files that are not ours.
    # Not in the scratch folder: if this process is killed here, the next export must not remove them.
    old = folder / f".replaced-{uuid4().hex}"
    old.mkdir()
    try:
        for name in names:
            if (folder / name).exists():
                (folder / name).rename(old / name)
        for name in names:
            (new / name).rename(folder / name)
    except BaseException:
        for name in names:
            if (old / name).exists():
                (old / name).replace(folder / name)
            elif not (new / name).exists():
                (folder / name).unlink()
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


def _targets(stored: StoredValue, destination: Path) -> dict[str, Path]:
    """Return where each file goes, by its name."""
    names = list(stored.files)
    if len(names) == 1 and not destination.is_dir():
        return {names[0]: destination}
    return {name: destination / name for name in names}


def _check_free(destination: Path, targets: Mapping[str, Path], *, force: bool) -> None:
    subject = str(destination)
    for target in targets.values():
        if target.is_dir():
            raise CurationError(f"{target} is a folder.", subject=subject, remedy="Name another place.")
        if os.path.lexists(target) and not target.is_file():  # a device, a pipe, or a link to nowhere
            raise CurationError(f"{target} is no regular file.", subject=subject, remedy="Name another place.")
    if len(targets) == 1:
        (target,) = targets.values()
        if target.exists() and not force:
            raise CurationError(f"{target} exists.", subject=subject, remedy=_REMEDY)
    elif destination.exists() and not destination.is_dir():
        raise CurationError(
            "it is a file, and this export is a folder.", subject=subject, remedy="Name a folder that may be made."
        )
    elif destination.is_dir() and any(destination.iterdir()) and not force:
        raise CurationError("the folder is not empty.", subject=subject, remedy=_REMEDY)
