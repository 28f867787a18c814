"""Copies exports, the report and the gallery to a path outside the storage, and finds the stored gallery."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.scratch import scratch_folder
from notmnist_assets.curation.report.checks import CheckLine, with_checks
from notmnist_assets.storage.store import Manifest, ValueStore

_Change = Callable[[bytes], bytes]
_COPY_BYTES: Final = 1 << 22
_GALLERY: Final = ["report", "gallery"]
_REMEDY: Final = "Name another path, or replace existing files with --force."


class ExportName(StrEnum):
    """The exports, by the last part of their keys."""

    PICKLE = "pickle"
    NPZ = "npz"
    IDX = "idx"
    PARQUET = "parquet"


def deliver(store: ValueStore, name: ExportName, destination: Path, *, force: bool = False) -> Path:
    """Copy an export and return the path of the copy; a failed or interrupted copy leaves existing files unchanged.

    A folder never contains old files beside new ones, even if the process is killed: all old files are renamed before
    the first new file gets its name.

    Args:
        store: where values are stored.
        name: the export.
        destination: for an export of one file its new path, or an existing folder to put it into; for others the
            folder to create. Missing parents are created.
        force: replace existing files. Other files in an existing folder stay.

    Raises:
        CurationError: the export is not stored or damaged, or the destination exists or cannot be written.
    """
    return _deliver(store, ["exports", name.value], destination, force=force)


def deliver_report(
    store: ValueStore, destination: Path, *, force: bool = False, checks: Sequence[CheckLine] = ()
) -> Path:
    """Copy the page of `report/html` with the results of checks to a path or into a folder, as `deliver` does.

    Raises:
        CurationError: the page is not stored or damaged, or the destination exists or cannot be written.
    """
    change = partial(with_checks, lines=checks) if checks else None
    return _deliver(store, ["report", "html"], destination, force=force, change=change)


def deliver_gallery(store: ValueStore, destination: Path, *, force: bool = False) -> Path:
    """Copy the page of `report/gallery` to a path or into a folder, as `deliver` does.

    Raises:
        CurationError: the page is not stored or damaged, or the destination exists or cannot be written.
    """
    return _deliver(store, _GALLERY, destination, force=force)


def stored_gallery(store: ValueStore) -> Path:
    """Return the path of the stored page of `report/gallery`.

    Raises:
        CurationError: the page is not stored, damaged, or in an object store, where no browser can open it.
    """
    stored = store.require(_GALLERY)
    if not store.is_local:
        raise CurationError(
            "it is in an object store.", subject="/".join(_GALLERY), remedy="Copy it: notmnist gallery gallery.html"
        )
    store.verify(_GALLERY, stored)
    (name,) = stored.files
    return Path(store.uri(_GALLERY, stored, name))


def _deliver(
    store: ValueStore, key: list[str], destination: Path, *, force: bool, change: _Change | None = None
) -> Path:
    stored = store.require(key)
    try:
        targets = _targets(stored, destination)
        _check_free(destination, targets, force=force)
        return _copy(store, key, stored, targets, change)
    except OSError as error:
        raise CurationError(
            f"the copy failed: {error}.", subject=str(destination), remedy="Name another path, or correct the cause."
        ) from error


def _copy(
    store: ValueStore, key: list[str], stored: Manifest, targets: Mapping[str, Path], change: _Change | None
) -> Path:
    folder = next(iter(targets.values())).parent
    is_one_file = len(targets) == 1
    (folder if is_one_file else folder.parent).mkdir(parents=True, exist_ok=True)
    # Complete copies on the file system of the destination, so that the last step is a rename.
    with scratch_folder(folder if folder.is_dir() else folder.parent, ".exporting-") as scratch:
        unfinished = scratch / "files"
        unfinished.mkdir()
        for name in targets:
            with store.open(key, stored, name) as source, (unfinished / name).open("xb") as copy:
                if change:
                    copy.write(change(source.read()))
                else:
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
    """Move files from `new` into `folder` and replace those of the same names; restore these on any failure."""
    # The files are moved, not the folder, which may be a working directory, a mount, or contain other files. They are
    # not moved into the scratch folder, because after a kill the next export would delete them.
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


def _targets(stored: Manifest, destination: Path) -> dict[str, Path]:
    """Return the destination of each file, by its name."""
    names = list(stored.files)
    if len(names) == 1 and not destination.is_dir():
        return {names[0]: destination}
    return {name: destination / name for name in names}


def _check_free(destination: Path, targets: Mapping[str, Path], *, force: bool) -> None:
    subject = str(destination)
    for target in targets.values():
        if target.is_dir():
            raise CurationError(f"{target} is a folder.", subject=subject, remedy="Name another path.")
        if os.path.lexists(target) and not target.is_file():  # a device, a pipe, or a broken link
            raise CurationError(f"{target} is not a regular file.", subject=subject, remedy="Name another path.")
    if len(targets) == 1:
        (target,) = targets.values()
        if target.exists() and not force:
            raise CurationError(f"{target} exists.", subject=subject, remedy=_REMEDY)
    elif destination.exists() and not destination.is_dir():
        raise CurationError(
            "it is a file, but this export is a folder.", subject=subject, remedy="Name the path of a folder."
        )
    elif destination.is_dir() and any(destination.iterdir()) and not force:
        raise CurationError("the folder is not empty.", subject=subject, remedy=_REMEDY)
