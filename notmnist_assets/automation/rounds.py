"""The next round of a refresh, as a run that the schedule or the sensor requests.

Automation makes what `notmnist run` makes: each tick requests one round of the same plan, the next tick after its end
the next one, until nothing is out of date.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Final

import dagster as dg

from notmnist_assets.settings.model import Settings
from notmnist_assets.staleness.plan import AssetGraph, first_with_reason, next_round, plan_refresh
from notmnist_assets.staleness.reasons import ArchiveComparison

_AUTOMATIC: Final = "notmnist/automatic"
_ASKED: Final = "notmnist/asked"
"""Names what a run was requested for: equal for equal assets, code and sources."""
_HOUR: Final = 3600.0
_MOST_DOUBLINGS: Final = 5
_SAME: Final = 6
"""As many runs for the same are looked at; the pause no longer grows after so many."""
_ENDED: Final = {
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "was canceled",
    dg.DagsterRunStatus.SUCCESS: "succeeded, and still it is out of date",
}
TICK_SECONDS: Final = 30.0
"""For all that a tick asks of the source; Dagster ends a tick after 60."""


def next_request(
    instance: dg.DagsterInstance,
    graph: AssetGraph,
    settings: Settings,
    *,
    seen: Mapping[str, str],
    look: ArchiveComparison,
) -> dg.RunRequest | str:
    """Return the run that makes the next round, else in words why there is none.

    A run for the same is requested again an hour after the last one ended without success, then after two hours,
    four, and so on up to a day. Other assets, other code or another answer of the source are not the same.

    Args:
        instance: the history.
        graph: all assets and checks.
        settings: those to make the assets with.
        seen: what the source says of its archives.
        look: whether an archive is out of date.
    """
    stale, held = plan_refresh(graph, instance, settings, look)
    waiting = f" {len(held)} assets wait, {first_with_reason(held)}." if held else ""
    if not stale:
        return waiting.strip() or "Both archives are unchanged, and so is everything made from them."
    chosen = next_round(stale)
    asked = _name([[key.to_user_string(), graph.get(key).code_version] for key in sorted(chosen)], seen)
    if pause := _pause(instance, asked):
        return f"{len(stale)} assets are out of date, {first_with_reason(chosen)}. {pause}{waiting}"
    return dg.RunRequest(asset_selection=list(chosen), tags={_AUTOMATIC: "true", _ASKED: asked})


def _pause(instance: dg.DagsterInstance, asked: str) -> str | None:
    """Return in words why a run is not requested again yet, None when it may be."""
    last = instance.get_run_records(dg.RunsFilter(tags={_AUTOMATIC: "true"}), limit=_SAME)
    same = 0
    for record in last:
        if record.dagster_run.tags.get(_ASKED) != asked:
            break
        same += 1
    if not same:
        return None
    run = last[0].dagster_run
    hours = 2 ** min(same - 1, _MOST_DOUBLINGS - 1) if same < _SAME else 24
    ended = last[0].end_time or last[0].update_timestamp.timestamp()
    left = ended + hours * _HOUR - time.time()
    if left <= 0:
        return None
    how = _ENDED.get(run.status, "has not ended")
    return f"Run {run.run_id[:8]} for the same {how}; tried again in {max(1, round(left / 60))} minutes."


def _name(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
