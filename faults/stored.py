"""Damages stored files; no value is ever loaded as something else."""

import hashlib
import random
from pathlib import Path
from typing import Any, Final

from upath import UPath

from faults.cases import Kind, Outcome, RunCase, require
from faults.commands import FINISHED, RUNS, Place
from notmnist_assets.cli.verification import State, verify_values
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.fingerprint import fingerprint
from notmnist_assets.curation.core.values import Archive
from notmnist_assets.definitions import DECLARATIONS
from notmnist_assets.runs.lock import OneRun
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.io_managers import io_managers
from notmnist_assets.storage.manifest import NAME
from notmnist_assets.storage.store import ValueStore


def _damage(path: Path, randomly: random.Random) -> str:
    """Damage a file: one byte changed, the end cut off, bytes added, or the file deleted. Return which."""
    data = path.read_bytes()
    kinds = ["delete", "append"] + ["flip"] * 6 * bool(data) + ["truncate"] * 2 * bool(data)
    kind = randomly.choice(kinds)
    if kind == "delete":
        path.unlink()
    elif kind == "append":
        path.write_bytes(data + randomly.randbytes(randomly.randrange(1, 50)))
    elif kind == "truncate":
        path.write_bytes(data[: randomly.randrange(len(data))])
    else:
        changed = bytearray(data)
        changed[randomly.randrange(len(data))] ^= randomly.randrange(1, 256)
        path.write_bytes(bytes(changed))
    return kind


def _content(value: Any) -> str:
    """Return a digest of a loaded value: of its content, or of the files that it names."""
    if isinstance(value, Archive):
        return hashlib.sha256(Path(value.uri).read_bytes()).hexdigest()
    if isinstance(value, UPath):
        files = [value] if value.is_file() else sorted(path for path in value.rglob("*") if path.is_file())
        return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()
    return fingerprint(value)


class _Stored:
    """Damages files of all assets of a finished run, each of which is repaired afterwards."""

    def __init__(self, folder: Path) -> None:
        place = Place(folder)
        place.prepare(FINISHED)
        self._store: ValueStore = place.store
        managers = io_managers(SettingsResource(), OneRun())
        self._load = {key: managers[declaration.io_manager].load for key, declaration in DECLARATIONS.items()}
        self._content = {key: _content(self._loaded(key)) for key in DECLARATIONS}

    def _loaded(self, key: str) -> Any:
        return self._load[key](self._store, DECLARATIONS[key].path)

    def __call__(self, _number: int, randomly: random.Random) -> None:
        key = randomly.choice(list(DECLARATIONS))
        path = DECLARATIONS[key].path
        stored = self._store.require(path)
        name = randomly.choice([NAME, *stored.files, *stored.files])
        folder = Path(self._store.file(path, stored, ""))
        file = folder.parent / NAME if name == NAME else folder / name
        intact = file.read_bytes()
        try:
            kind = _damage(file, randomly)
            self._require_refusal(key, kind, name, file.exists() and file.read_bytes() == intact)
        finally:
            file.write_bytes(intact)
        require(_content(self._loaded(key)) == self._content[key], Outcome.LOST, f"{key} is not as before")

    def _require_refusal(self, key: str, kind: str, name: str, is_intact: bool) -> None:
        case = f"{kind} of {name} of {key}"
        (verification,) = verify_values(self._store, [key])
        unseen = verification.state is State.INTACT and name != NAME and not is_intact
        require(not unseen, Outcome.SILENT, f"{case}: notmnist verify calls it intact")
        try:
            value = self._loaded(key)
        except CurationError as error:
            require(error.subject == key and "notmnist run" in error.remedy, Outcome.SILENT, f"{case}: {error}")
        else:
            require(_content(value) == self._content[key], Outcome.SILENT, f"{case}: other content was loaded")


def _prepare(folder: Path) -> RunCase:
    return _Stored(folder / RUNS)


STORED: Final = Kind("stored", "damaged stored files", 10_000, 120, _prepare)
