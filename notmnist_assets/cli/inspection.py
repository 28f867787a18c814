"""What is known of one asset: its last materialization, checks, files and pictures, for `notmnist show`.

Belongs here: collecting, and pictures as files. How it looks in a terminal is in `showing`.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import dagster as dg

from notmnist_assets.checks.history import compare_with_history
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.definitions import DECLARATIONS
from notmnist_assets.staleness.materializations import profile_of
from notmnist_assets.staleness.outcomes import NOT_COMPARED, latest_evaluations, outcome_of, outcome_without_evaluation
from notmnist_assets.storage.store import ValueStore

_EMBEDDED: Final = re.compile(r"!\[([^\]]*)\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)")


@dataclass(frozen=True)
class JudgedCheck:
    """How a check judged the value that is there (or that it was not run or not compared), what it saw and wanted."""

    name: str
    outcome: str
    actual: str = ""
    threshold: str = ""


@dataclass(frozen=True)
class EmbeddedPicture:
    """A PNG out of the metadata, with the label it was under and its title."""

    label: str
    title: str
    png: bytes


@dataclass(frozen=True)
class Inspection:
    """What is known of an asset.

    Attributes:
        name: its key, parts joined by slashes.
        description: what it says of itself.
        made: when it was last made, in UTC.
        run_id: the run that did.
        metadata: what that run told.
        checks: how its checks went.
        uri: where it is stored; None when the storage of the present settings holds nothing under its key.
        files: names and sizes of the stored files.
    """

    name: str
    description: str
    made: datetime
    run_id: str
    metadata: Mapping[str, dg.MetadataValue[Any]]
    checks: Sequence[JudgedCheck]
    uri: str | None
    files: Mapping[str, int]

    @property
    def pictures(self) -> list[EmbeddedPicture]:
        """The pictures in the metadata, in its order."""
        return [
            EmbeddedPicture(label, match[1], base64.b64decode(match[2]))
            for label, value in self.metadata.items()
            if isinstance(value, dg.MarkdownMetadataValue)
            for match in _EMBEDDED.finditer(value.value or "")
        ]


def inspect_asset(
    definitions: dg.Definitions, instance: dg.DagsterInstance, store: ValueStore, name: str, profile: str
) -> Inspection:
    """Collect what is known of an asset.

    Raises:
        CurationError: there is no such asset, it was never made, was made for another profile last, or what is stored
            is damaged.
    """
    graph = definitions.resolve_asset_graph()
    known = {key.to_user_string(): key for key in graph.toposorted_asset_keys}
    name = name.strip("/")
    if name not in known:
        raise CurationError("there is no such asset.", subject=name, remedy=_suggestion(name, list(known)))
    key = known[name]
    event = instance.get_latest_materialization_event(key)
    if event is None or event.asset_materialization is None:
        raise CurationError("it was never made.", subject=name, remedy="Make what is missing: notmnist run")
    if (other := profile_of(event.asset_materialization.metadata)) != profile:
        raise CurationError(
            f"it was last made for the profile {other}, not for {profile}.",
            subject=name,
            remedy=f"Make it for {profile}: notmnist run",
        )
    stored = store.find(key.path)
    return Inspection(
        name,
        graph.get(key).description or "",
        datetime.fromtimestamp(event.timestamp, UTC),
        event.run_id,
        event.asset_materialization.metadata,
        _checks(definitions, instance, key),
        None if stored is None else store.uri(key.path, stored),
        {} if stored is None else stored.files,
    )


def write_pictures(inspection: Inspection, folder: Path) -> list[Path]:
    """Write the pictures of an asset as PNG files and return where they are; files of the same names are replaced.

    Raises:
        CurationError: the folder cannot be made or written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, png in _named(inspection).items():
            unfinished = folder / f".writing-{uuid4().hex}"
            try:
                unfinished.write_bytes(png)
                written.append(unfinished.replace(folder / name))
            finally:
                unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise CurationError(
            f"the pictures cannot be written: {error}.", subject=str(folder), remedy="Name another folder."
        ) from error
    return written


def _named(inspection: Inspection) -> dict[str, bytes]:
    """Return the pictures by file name: the asset's key and the label, numbered where a label has several."""
    named: dict[str, bytes] = {}
    for picture in inspection.pictures:
        stem = re.sub(r"[^A-Za-z0-9_]+", "-", f"{inspection.name}-{picture.label}")
        number = sum(name.removesuffix(".png").rsplit(".", 1)[0] == stem for name in named)
        named[f"{stem}.{number + 1}.png" if number else f"{stem}.png"] = picture.png
    return named


def _suggestion(name: str, known: Sequence[str]) -> str:
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(by_lower[candidate] for candidate in close)}?"
    return "All are listed by: notmnist status"


def _checks(definitions: dg.Definitions, instance: dg.DagsterInstance, key: dg.AssetKey) -> list[JudgedCheck]:
    keys = sorted(check for check in definitions.resolve_asset_graph().asset_check_keys if check.asset_key == key)
    evaluations = latest_evaluations(instance, keys)
    judged = []
    for check in keys:
        if check not in evaluations:
            outcome = outcome_without_evaluation(check)
            guards = DECLARATIONS[key.to_user_string()].guards
            reason = compare_with_history(instance, key, guards).reason if outcome == NOT_COMPARED else ""
            judged.append(JudgedCheck(check.name, outcome, reason))
            continue
        seen = (evaluations[check].metadata.get(label) for label in ("actual", "threshold"))
        numbers = ("" if value is None else str(value.value) for value in seen)
        judged.append(JudgedCheck(check.name, outcome_of(evaluations[check]), *numbers))
    return judged
