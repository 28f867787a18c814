"""Collects the last materialization, checks, files and pictures of an asset, for `notmnist show`."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import dagster as dg

from notmnist_assets.checks.earlier_content import compare_with_history
from notmnist_assets.cli.keys import find_key
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.report.checks import CheckLine
from notmnist_assets.definitions import DECLARATIONS
from notmnist_assets.staleness.materializations import profile_of
from notmnist_assets.staleness.outcomes import (
    NOT_COMPARED,
    NOT_RUN,
    latest_evaluations,
    outcome_of,
    outcome_without_evaluation,
)
from notmnist_assets.staleness.plan import assets_in_order
from notmnist_assets.storage.store import ValueStore

_EMBEDDED: Final = re.compile(r"!\[([^\]]*)\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)")


@dataclass(frozen=True)
class CheckResult:
    """The outcome of a check for the current value: passed, warned, failed, not run or not compared."""

    name: str
    outcome: str
    actual: str = ""
    threshold: str = ""


@dataclass(frozen=True)
class EmbeddedPicture:
    """A PNG from the metadata, with the label of its entry and its title."""

    label: str
    title: str
    png: bytes


@dataclass(frozen=True)
class Inspection:
    """The state of an asset.

    Attributes:
        name: its key, parts joined by slashes.
        description: its description.
        made: time of its last materialization, in UTC.
        run_id: the run that materialized it.
        metadata: metadata of the materialization, by label.
        checks: results of its checks.
        uri: where it is stored; None if the storage of the current settings contains no value of it.
        files: sizes of the stored files in bytes, by name.
    """

    name: str
    description: str
    made: datetime
    run_id: str
    metadata: Mapping[str, dg.MetadataValue[Any]]
    checks: Sequence[CheckResult]
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
    """Return the state of an asset.

    Raises:
        CurationError: there is no such asset, it was never materialized, its last materialization was for another
            profile, or its stored value is damaged.
    """
    graph = definitions.resolve_asset_graph()
    key = find_key(assets_in_order(graph), name)
    name = key.to_user_string()
    event = instance.get_latest_materialization_event(key)
    if event is None or event.asset_materialization is None:
        raise CurationError("it was never materialized.", subject=name, remedy="Materialize it: notmnist run")
    if (other := profile_of(event.asset_materialization.metadata)) != profile:
        raise CurationError(
            f"it was last materialized for the profile {other}, not for {profile}.",
            subject=name,
            remedy=f"Materialize it for {profile}: notmnist run",
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


def check_lines(
    definitions: dg.Definitions, instance: dg.DagsterInstance, assets: Sequence[dg.AssetKey]
) -> list[CheckLine]:
    """Return the results of the checks of assets; none if no check has run, as in a history of another machine."""
    lines = [
        CheckLine(key.to_user_string(), one.name, one.outcome, one.actual, one.threshold)
        for key in assets
        for one in _checks(definitions, instance, key)
    ]
    return lines if any(line.outcome not in (NOT_RUN, NOT_COMPARED) for line in lines) else []


def write_pictures(inspection: Inspection, folder: Path) -> list[Path]:
    """Write the pictures of an asset as PNG files and return their paths; files of the same names are replaced.

    Raises:
        CurationError: the folder cannot be created or written.
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
    """Return the PNG data by file name: key and label, with a number if a label has several pictures."""
    named: dict[str, bytes] = {}
    for picture in inspection.pictures:
        stem = re.sub(r"[^A-Za-z0-9_]+", "-", f"{inspection.name}-{picture.label}")
        number = sum(name.removesuffix(".png").rsplit(".", 1)[0] == stem for name in named)
        named[f"{stem}.{number + 1}.png" if number else f"{stem}.png"] = picture.png
    return named


def _checks(definitions: dg.Definitions, instance: dg.DagsterInstance, key: dg.AssetKey) -> list[CheckResult]:
    keys = sorted(check for check in definitions.resolve_asset_graph().asset_check_keys if check.asset_key == key)
    evaluations = latest_evaluations(instance, keys)
    results = []
    for check in keys:
        if check not in evaluations:
            outcome = outcome_without_evaluation(check)
            guards = DECLARATIONS[key.to_user_string()].guards
            reason = compare_with_history(instance, key, guards).reason if outcome == NOT_COMPARED else ""
            results.append(CheckResult(check.name, outcome, reason))
            continue
        found = (evaluations[check].metadata.get(label) for label in ("actual", "threshold"))
        numbers = ("" if value is None else str(value.value) for value in found)
        results.append(CheckResult(check.name, outcome_of(evaluations[check]), *numbers))
    return results
