"""Builds the run request of a tick: the next round of the plan that `notmnist run` follows.

Each tick requests one round, and the next tick after its end requests the next round, until nothing is out of date.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Final

import dagster as dg

from notmnist_assets.curation.core.images import SETS
from notmnist_assets.settings.model import Settings
from notmnist_assets.sources.choice import source_of
from notmnist_assets.staleness.plan import AssetGraph, first_with_reason, next_round, plan_refresh
from notmnist_assets.staleness.reasons import ArchiveComparison, archive_change

_AUTOMATIC: Final = "notmnist/automatic"
_REQUEST: Final = "notmnist/request"
"""Tag with the identity of a request: equal for equal assets, code versions and source state."""
_HOUR: Final = 3600.0
_MOST_DOUBLINGS: Final = 5
_MOST_REPEATS: Final = 6
"""Number of past runs to compare: after six failures, the pause is a day."""
_ENDED: Final = {
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "was canceled",
    dg.DagsterRunStatus.SUCCESS: "succeeded, but its assets are out of date again",
}
TICK_SECONDS: Final = 30.0
"""Time limit for all requests of a tick to the source; Dagster ends a tick after 60 seconds."""


def ask_source(settings: Settings) -> dict[str, str]:
    """Return the location of the archives and the validator of each, without transferring it.

    Raises:
        CurationError: the source does not answer.
    """
    source = source_of(settings)
    return {"from": settings.redacted_archives or "", **{name: source.validator(name) for name in SETS}}


def changed_archives(settings: Settings, stored: Mapping[str, str | None]) -> dict[str, str]:
    """Return the reason for each archive that is out of date, by set."""
    reasons = {name: archive_change(settings, name, sha256) for name, sha256 in stored.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def next_request(
    instance: dg.DagsterInstance,
    graph: AssetGraph,
    settings: Settings,
    *,
    seen: Mapping[str, str],
    compare_archive: ArchiveComparison,
) -> dg.RunRequest | str:
    """Return the request for the next round, or the reason why there is none.

    An identical request is repeated one hour after the end of its last run, then after two hours, four, and so on up
    to a day. A request with other assets, code versions or source state is made at once.

    Args:
        instance: the history.
        graph: all assets and checks.
        settings: the settings of the run.
        seen: the state of the source, as `ask_source` returns it.
        compare_archive: returns the reason why an archive is out of date, or None.
    """
    stale, blocked = plan_refresh(graph, instance, settings, compare_archive)
    blocked_text = f" {len(blocked)} assets are blocked, {first_with_reason(blocked)}." if blocked else ""
    if not stale:
        return blocked_text.strip() or "Both archives are unchanged, and all assets are up to date."
    selected = next_round(stale)
    request = _digest([[key.to_user_string(), graph.get(key).code_version] for key in sorted(selected)], seen)
    if pause := _pause(instance, request):
        return f"{len(stale)} assets are out of date, {first_with_reason(selected)}. {pause}{blocked_text}"
    return dg.RunRequest(asset_selection=list(selected), tags={_AUTOMATIC: "true", _REQUEST: request})


def _pause(instance: dg.DagsterInstance, request: str) -> str | None:
    """Return the reason why a request is not repeated yet, None if it can be sent."""
    last = instance.get_run_records(dg.RunsFilter(tags={_AUTOMATIC: "true"}), limit=_MOST_REPEATS)
    repeats = 0
    for record in last:
        if record.dagster_run.tags.get(_REQUEST) != request:
            break
        repeats += 1
    if not repeats:
        return None
    run = last[0].dagster_run
    hours = 2 ** min(repeats - 1, _MOST_DOUBLINGS - 1) if repeats < _MOST_REPEATS else 24
    ended = last[0].end_time or last[0].update_timestamp.timestamp()
    left = ended + hours * _HOUR - time.time()
    if left <= 0:
        return None
    how = _ENDED.get(run.status, "has not ended")
    return f"The identical run {run.run_id[:8]} {how}; it is repeated in {max(1, round(left / 60))} minutes."


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
