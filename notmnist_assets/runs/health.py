"""Examines the state of an instance: configuration, daemon, last ticks of schedules and sensors, and runs."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import dagster as dg

from notmnist_assets.runs.process import find_dead_runs

_DAEMON_START: Final = "Start it: make ui, or dagster-daemon run -w workspace.yaml"
_LONGEST_SILENCE: Final = 300.0
"""Seconds between two heartbeats of a daemon that is alive; it sends one about every 30."""
_LONGEST_REASON: Final = 300


class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """A finding: its severity, its subject, and the state of the subject with a remedy if needed."""

    level: Level
    subject: str
    detail: str


def examine_history(instance: dg.DagsterInstance, automation: Mapping[str, bool]) -> Iterator[Finding]:
    """Yield the findings about an open instance.

    Args:
        instance: the Dagster instance.
        automation: names of all schedules and sensors, each with whether it requests runs.
    """
    yield _configuration(instance)
    states = [state for state in instance.all_instigator_state() if state.instigator_name in automation]
    running = [state for state in states if state.is_running]
    requesting = sorted(state.instigator_name for state in running if automation[state.instigator_name])
    silence = _silence(instance)
    yield _daemon(instance, silence, requesting)
    for state in running:
        yield from _last_tick(instance, state, daemon_is_alive=silence is not None and silence < _LONGEST_SILENCE)
    yield from _runs(instance)


def duration_text(seconds: float) -> str:
    """Return a duration as text, such as `5 minutes`."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return "less than a minute"


def _configuration(instance: dg.DagsterInstance) -> Finding:
    """Compare the configuration with those settings of the package's `dagster.yaml` that runs need."""
    queue = instance.get_concurrency_config().run_queue_config
    missing = []
    if queue is None or queue.max_concurrent_runs != 1:
        missing.append("max_concurrent_runs: 1")
    if not instance.run_monitoring_enabled:
        missing.append("run_monitoring")
    detail = f"{instance.root_directory}, {instance.get_runs_count()} runs"
    if missing:
        detail += f"; its dagster.yaml lacks {' and '.join(missing)}. Add what {__package__}/dagster.yaml contains."
    return Finding(Level.WARN if missing else Level.OK, "history", detail)


def _silence(instance: dg.DagsterInstance) -> float | None:
    """Return the seconds since the last heartbeat of the daemon, None if it has never run."""
    newest = max((heartbeat.timestamp for heartbeat in instance.get_daemon_heartbeats().values()), default=None)
    return None if newest is None else time.time() - newest


def _daemon(instance: dg.DagsterInstance, silence: float | None, requesting: list[str]) -> Finding:
    if silence is None or silence > _LONGEST_SILENCE:
        if not requesting:
            return Finding(Level.OK, "daemon", "not running; no schedule or sensor that requests runs is switched on")
        last = "has never run" if silence is None else f"has been silent for {duration_text(silence)}"
        return Finding(Level.FAIL, "daemon", f"{last}, but {', '.join(requesting)} need it. {_DAEMON_START}")
    heartbeats = instance.get_daemon_heartbeats()
    late = [
        name
        for name in instance.get_required_daemon_types()
        if name not in heartbeats or time.time() - heartbeats[name].timestamp > _LONGEST_SILENCE
    ]
    if late:
        return Finding(Level.FAIL, "daemon", f"parts without heartbeat: {', '.join(late)}. Restart the daemon.")
    return Finding(Level.OK, "daemon", f"last heartbeat {duration_text(silence)} ago")


def _last_tick(instance: dg.DagsterInstance, state: Any, *, daemon_is_alive: bool) -> Iterator[Finding]:
    name = state.instigator_name
    is_sensor = state.instigator_type.value == "SENSOR"
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
    if not ticks:
        detail = "switched on, no tick yet"
        yield Finding(Level.WARN if is_sensor and daemon_is_alive else Level.OK, name, detail)
        return
    (tick,) = ticks
    since = time.time() - tick.timestamp
    if tick.status.value == "FAILURE":
        reason = tick.error.message.strip().splitlines()[0][:_LONGEST_REASON] if tick.error else "unknown error"
        yield Finding(
            Level.FAIL, name, f"the tick {duration_text(since)} ago failed: {reason} The UI shows it under Automation."
        )
    elif is_sensor and daemon_is_alive and since > _LONGEST_SILENCE:
        detail = f"switched on, but its last tick was {duration_text(since)} ago. Restart the daemon."
        yield Finding(Level.FAIL, name, detail)
    else:
        reason = f": {tick.skip_reason[:_LONGEST_REASON]}" if tick.skip_reason else ""
        yield Finding(Level.OK, name, f"last tick {duration_text(since)} ago{reason}")


def _runs(instance: dg.DagsterInstance) -> Iterator[Finding]:
    dead = find_dead_runs(instance)
    if dead:
        ids = ", ".join(run.run_id[:8] for run in dead)
        yield Finding(
            Level.FAIL, "runs", f"the process of {ids} has died. notmnist run and the daemon report it as failed."
        )
    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    last = instance.get_run_records(dg.RunsFilter(statuses=finished), limit=1)
    good = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1)
    if not good:
        yield Finding(Level.WARN, "last good run", "none. Materialize everything: notmnist run")
        return
    since = time.time() - (good[0].end_time or time.time())
    day = datetime.fromtimestamp(time.time() - since, UTC).strftime("%Y-%m-%d %H:%M UTC")
    detail = f"{duration_text(since)} ago ({day})"
    run = last[0].dagster_run
    if run.status is not dg.DagsterRunStatus.SUCCESS:
        how = "failed" if run.status is dg.DagsterRunStatus.FAILURE else "was canceled"
        detail += f"; the last run, {run.run_id[:8]}, {how}. Its errors are in the UI under Runs; repeat: notmnist run"
        yield Finding(Level.WARN, "last good run", detail)
    else:
        yield Finding(Level.OK, "last good run", detail)
