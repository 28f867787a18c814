"""The account of a night: what must hold when it is over, each with what was counted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import dagster as dg

from faults.commands import PROFILE, stored_versions
from faults.night import WATCH_SECONDS
from faults.night.deployment import Deployment
from notmnist_assets.automation.alerts import find_starter
from notmnist_assets.storage.store import ValueStore

_PERIODS: Final = {
    "weekly_refresh": 60.0,
    "upstream_watch": float(WATCH_SECONDS),
    "dead_runs": 30.0,
    "failure_alerts": 30.0,
}
"""Seconds between two ticks, by schedule and sensor."""
_TICK: Final = 60.0
"""Longest duration of a tick, which Dagster ends then."""
_DELAY: Final = 45.0
"""Seconds by which a tick may be late: a tick of the same sensor asks a slow source for 30 seconds."""
_RETURN: Final = 60.0
"""Seconds after which a run whose process was killed must be over."""
_OUTAGE: Final = 120.0
"""Seconds after which automation must work again when the daemon or its code server was killed; the daemon starts a new
code server once a minute."""
_MOST_TICKS: Final = 10_000


@dataclass(frozen=True)
class Finding:
    """A promise, what was counted, and what is wrong; nothing if the promise was kept."""

    promise: str
    counted: str
    problems: tuple[str, ...] = ()


def take_account(deployment: Deployment, changes: int, seconds_to_settle: float | None) -> Iterator[Finding]:
    """Yield a finding for each promise of automation.

    Args:
        deployment: after the night.
        changes: number of archives that were put in place.
        seconds_to_settle: time from the last trouble until nothing was out of date; None if that did not come.
    """
    settled = () if seconds_to_settle is not None else ("assets stayed out of date",)
    yield Finding("everything is up to date in the end", f"{changes} changes, {seconds_to_settle or 0:.0f} s", settled)
    yield _stored(deployment)
    with deployment.instance() as instance:
        yield from _runs(deployment, instance)
        for name in _PERIODS:
            yield _ticks(deployment, instance, name)
    doctor = deployment.notmnist("doctor")
    yield Finding("notmnist doctor", f"exit code {doctor.returncode}", (doctor.stdout,) * bool(doctor.returncode))


def _stored(deployment: Deployment) -> Finding:
    """Compare the stored values with those of one undisturbed run on the same archives."""
    folder = deployment.root / "undisturbed"
    variables = {"NOTMNIST_STORAGE": str(folder / "storage"), "DAGSTER_HOME": str(folder / "home")}
    run = deployment.notmnist("run", variables=variables)
    found, expected = (
        stored_versions(ValueStore(str(root / PROFILE))) for root in (deployment.storage, folder / "storage")
    )
    different = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    problems = [f"not as after an undisturbed run: {', '.join(different)}"] if different else []
    if run.returncode:
        problems.append(f"the undisturbed run failed: {run.stdout}{run.stderr}")
    return Finding("values are those of the last archives", f"{len(found)} values", (*problems,))


def _runs(deployment: Deployment, instance: dg.DagsterInstance) -> Iterator[Finding]:
    records = instance.get_run_records()
    statuses = Counter(record.dagster_run.status for record in records)
    unfinished = [record.dagster_run.run_id for record in records if not record.dagster_run.is_finished]
    yield Finding(
        "every run ends",
        ", ".join(f"{count} {status.value.lower()}" for status, count in statuses.most_common()),
        tuple(f"run {run_id} never ended" for run_id in unfinished),
    )
    failed = [
        record.dagster_run.run_id
        for record in records
        if record.dagster_run.status is dg.DagsterRunStatus.FAILURE and find_starter(record.dagster_run.tags)
    ]
    texts = [message["text"] for message in list(deployment.webhook.messages)]
    alerts = {run_id: sum(run_id in text for text in texts) for run_id in failed}
    wrong = [f"run {run_id} has {count} alerts" for run_id, count in alerts.items() if count != 1]
    if len(texts) != sum(alerts.values()):
        wrong.append(f"{len(texts) - sum(alerts.values())} alerts are about no failed run")
    yield Finding("every failure is alerted once", f"{len(failed)} failures, {len(texts)} alerts", tuple(wrong))
    ended = {record.dagster_run.run_id: record.end_time or 0.0 for record in records}
    delays = {run_id: ended[run_id] - killed for run_id, killed in deployment.killed_runs.items()}
    late = [f"run {run_id} was reported after {delay:.0f} s" for run_id, delay in delays.items() if delay > _RETURN]
    longest = f", at most {max(delays.values()):.0f} s" if delays else ""
    yield Finding("a killed run is over within a minute", f"{len(delays)} killed{longest}", tuple(late))


def _ticks(deployment: Deployment, instance: dg.DagsterInstance, name: str) -> Finding:
    """Require that ticks came in time and succeeded, except while the process that evaluates them was dead."""
    (state,) = [state for state in instance.all_instigator_state() if state.instigator_name == name]
    ticks: list[Any] = sorted(
        instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=_MOST_TICKS),
        key=lambda tick: tick.timestamp,
    )
    times = [tick.timestamp for tick in ticks]
    problems, longest = [], 0.0
    for before, after in pairwise(times):
        gap = after - before
        excused = any(before - _TICK <= begin <= after for begin, _ in deployment.outages)
        if not excused:
            longest = max(longest, gap)
        if gap > _PERIODS[name] + _DELAY + excused * _OUTAGE:
            problems.append(f"no tick for {gap:.0f} s")
    failures = [tick for tick in ticks if tick.status.value == "FAILURE"]
    problems += [
        f"a tick failed: {tick.error.message.strip()[:300] if tick.error else ''}"
        for tick in failures
        if not any(begin - _TICK <= tick.timestamp <= begin + _OUTAGE for begin, _ in deployment.outages)
    ]
    counted = f"{len(ticks)} ticks, at most {longest:.0f} s apart, {len(failures)} failed"
    return Finding(f"ticks of {name} come in time", counted, tuple(problems))
