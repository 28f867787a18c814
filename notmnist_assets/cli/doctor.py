"""Examines everything that a refresh needs, for `notmnist doctor`."""

import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import dagster as dg

from notmnist_assets.automation import SENSORS, upstream_watch, weekly_refresh
from notmnist_assets.automation.run_requests import ask_source
from notmnist_assets.cli.verification import State, verify_values
from notmnist_assets.cluster import connect
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.definitions import build_definitions
from notmnist_assets.runs.health import Finding, Level, examine_history
from notmnist_assets.runs.instance import instance_home, open_instance
from notmnist_assets.settings.deployment import FAILURE_WEBHOOK, failure_webhook
from notmnist_assets.settings.model import Settings
from notmnist_assets.sources.deadlines import run_within
from notmnist_assets.staleness.plan import assets_in_order, plan_refresh
from notmnist_assets.storage.errors import StorageUnusableError
from notmnist_assets.storage.store import ValueStore

__all__ = ["Finding", "Level", "examine"]

_SOURCE_SECONDS: Final = 20.0
_LEAST_BYTES: Final = 200 << 20
_ENOUGH_BYTES: Final = 2 << 30
_AUTOMATION: Final = {
    definition.name: definition in (weekly_refresh, upstream_watch) for definition in (weekly_refresh, *SENSORS)
}
"""Names of the schedule and the sensors, each with whether it requests runs."""
_SAME_RELEASE: Final = ("dagster", "dagster-webserver", "dagster-graphql", "dagster-pipes", "dagster-dg-cli")


def examine(settings: Settings, *, quick: bool = False) -> Iterator[Finding]:
    """Yield the state of packages, disks, storage, source, cluster, history, daemon, automation, runs and assets.

    Args:
        settings: the settings of the environment.
        quick: compare only the sizes of stored files instead of their digests.
    """
    yield _packages()
    yield from _disks(settings)
    yield from _storage(settings, quick=quick)
    yield _source(settings)
    yield from _cluster(settings)
    try:
        with open_instance() as instance:
            yield from examine_history(instance, _AUTOMATION)
            yield from _assets(settings, instance)
    except CurationError as error:
        yield Finding(Level.FAIL, "history", str(error))
    yield _alerts()


def _packages() -> Finding:
    found = {}
    for name in _SAME_RELEASE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if len(set(found.values())) > 1:
        versions = ", ".join(f"{name} {number}" for name, number in found.items())
        return Finding(Level.FAIL, "packages", f"releases of Dagster do not match: {versions}. Reinstall: make setup")
    return Finding(Level.OK, "packages", f"notmnist_assets {version('notmnist_assets')}, dagster {found['dagster']}")


def _disks(settings: Settings) -> Iterator[Finding]:
    """Yield the free space where values, history and temporary files are written, once per disk."""
    folders = {"history": instance_home()}
    try:
        folders["temporary folder"] = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        yield Finding(Level.FAIL, "temporary folder", f"{error.strerror}. Set TMPDIR to a folder that can be written.")
    if "://" not in settings.storage:
        folders = {"storage": Path(settings.storage), **folders}
    free: dict[int, tuple[list[str], Path]] = {}
    for name, folder in folders.items():
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        free.setdefault(existing.stat().st_dev, ([], existing))[0].append(name)
    for names, folder in free.values():
        left = shutil.disk_usage(folder).free
        level = Level.FAIL if left < _LEAST_BYTES else Level.WARN if left < _ENOUGH_BYTES else Level.OK
        remedy = "" if level is Level.OK else f" Free space on the disk of {folder}."
        yield Finding(level, "disk space", f"{left / 1e9:,.1f} GB for {', '.join(names)}.{remedy}")


def _storage(settings: Settings, *, quick: bool) -> Iterator[Finding]:
    """Yield a line per damaged value, and a line with the number of intact values."""
    intact = damaged = 0
    keys = assets_in_order(build_definitions(settings).resolve_asset_graph())
    try:
        store = ValueStore(settings.storage_root)
        for result in verify_values(store, [key.to_user_string() for key in keys], sizes_only=quick):
            intact += result.state is State.INTACT
            if not result.is_usable:
                damaged += 1
                yield Finding(Level.FAIL, result.asset, result.detail)
    except (CurationError, StorageUnusableError) as error:
        yield Finding(Level.FAIL, "storage", str(error))
        return
    compared = "sizes of their files match" if quick else "digests of their files match"
    if intact or not damaged:
        yield Finding(Level.OK, "storage", f"{settings.storage_root}, {counted(intact, 'value')}, {compared}")


def _source(settings: Settings) -> Finding:
    try:
        run_within(_SOURCE_SECONDS, lambda _: ask_source(settings))
    except (CurationError, TimeoutError) as error:
        level = Level.WARN if _has_archives(settings) else Level.FAIL
        return Finding(level, "source", f"{error} Until then, refreshes keep the stored archives.")
    where = settings.redacted_archives or "the sample in the package"
    return Finding(Level.OK, "source", f"{where}, {counted(len(SETS), 'archive')}")


def _cluster(settings: Settings) -> Iterator[Finding]:
    """Yield whether the Dask cluster answers, if one is set."""
    if settings.dask is not None:
        try:
            with connect(settings.dask):
                yield Finding(Level.OK, "cluster", f"{settings.dask} answers")
        except CurationError as error:
            yield Finding(Level.FAIL, "cluster", str(error))


def _has_archives(settings: Settings) -> bool:
    try:
        store = ValueStore(settings.storage_root)
        return all(store.find(["archives", name]) for name in SETS)
    except CurationError:
        return False


def _assets(settings: Settings, instance: dg.DagsterInstance) -> Iterator[Finding]:
    """Yield how many assets are out of date or blocked."""
    try:
        stale, blocked = plan_refresh(build_definitions(settings).resolve_asset_graph(), instance, settings)
    except CurationError as error:
        yield Finding(Level.FAIL, "assets", str(error))
        return
    if blocked:
        key, reason = next(iter(blocked.items()))
        first = f"{key.to_user_string()}: {reason}"
        detail = f"{counted(len(blocked), 'asset')} blocked, first {first}. Details: notmnist status"
        yield Finding(Level.FAIL, "assets", detail)
    if stale:
        key, reason = next(iter(stale.items()))
        first = f"first {key.to_user_string()}: {reason}"
        yield Finding(
            Level.WARN, "assets", f"{counted(len(stale), 'asset')} out of date, {first}. Materialize: notmnist run"
        )
    if not stale and not blocked:
        yield Finding(Level.OK, "assets", "all up to date")


def _alerts() -> Finding:
    if failure_webhook() is None:
        return Finding(Level.OK, "alerts", f"none: {FAILURE_WEBHOOK} is not set")
    return Finding(Level.OK, "alerts", f"failed automatic runs are posted to {FAILURE_WEBHOOK}")
