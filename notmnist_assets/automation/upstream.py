"""The sensor `upstream_watch`: materializes what is out of date soon after the source or an asset changed."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Final

import dagster as dg

from notmnist_assets.assets.sources import observe
from notmnist_assets.automation.job import REFRESH_JOB, run_under_way
from notmnist_assets.automation.run_requests import TICK_SECONDS, ask_source, changed_archives, next_request
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.settings.model import Settings, read_settings
from notmnist_assets.sources.deadlines import run_within
from notmnist_assets.staleness.materializations import stored_archives

_INTERVAL: Final = 60
# Archives change a few times a year, and a person who replaces one expects the result within the hour. One check of the
# source is a few requests without a body.
_PAUSE: Final = 900.0
"""Seconds between two requests to the source."""
_LONGEST_PAUSE: Final = 14_400.0
"""Longest time in seconds between two attempts to reach a server that does not answer."""


@dataclass(frozen=True)
class _State:
    """The state between two ticks, as JSON in the cursor; without a valid cursor, the next tick asks the source.

    Attributes:
        seen: the state of the source when it last answered, as `ask_source` returns it.
        stored: SHA-256 of the stored archives at that time, by set.
        changed: the reason for each archive that was out of date, by set.
        due: time of the next request to the source, in seconds since 1970.
        failures: number of consecutive requests without an answer.
        history: the last event of the history that a tick has examined.
    """

    seen: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, str | None] = field(default_factory=dict)
    changed: Mapping[str, str] = field(default_factory=dict)
    due: float = 0.0
    failures: int = 0
    history: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> "_State":
        """Parse a cursor; an unset or unknown one gives the initial state."""
        try:
            return cls(**json.loads(cursor or "{}"))
        except (ValueError, TypeError):
            return cls()

    def result(self, request: dg.RunRequest | str) -> dg.SensorResult:
        """Return the result of a tick: a run request, or the reason for skipping it, with this state as cursor."""
        cursor = json.dumps(asdict(self))
        if isinstance(request, str):
            return dg.SensorResult(skip_reason=request, cursor=cursor)
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    def ask(self, settings: Settings, stored: Mapping[str, str | None]) -> "_State":
        """Ask the source and return the new state.

        Raises:
            CurationError: the source does not answer.
            TimeoutError: the source does not answer within the time limit.
        """
        seen = run_within(TICK_SECONDS / 2, lambda _: ask_source(settings))
        if seen == self.seen and stored == self.stored and not self.changed:
            changed: Mapping[str, str] = {}
        else:
            changed = run_within(TICK_SECONDS / 2, lambda _: changed_archives(settings, stored))
        return _State(seen, stored, changed, time.time() + _PAUSE, 0, self.history)

    def unanswered(self) -> "_State":
        """Return the state after a request without an answer; the pause doubles each time."""
        return replace(self, due=time.time() + self.pause, failures=self.failures + 1)

    @property
    def pause(self) -> float:
        """Seconds until a request without an answer is repeated."""
        return min(_PAUSE * 2.0 ** min(self.failures, 10), _LONGEST_PAUSE)


@dg.sensor(
    name="upstream_watch",
    job=REFRESH_JOB,
    minimum_interval_seconds=_INTERVAL,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=f"Every {_PAUSE / 60:.0f} minutes: asks the source whether an archive changed (a server for ETag, date,"
    " size and SHA256SUMS, a folder for date and size; nothing is downloaded). Within a minute after any run: examines"
    " whether assets are out of date because of it. Then requests the next round of what notmnist run would"
    " materialize, until nothing is out of date. Skipped ticks report a server that does not answer, which is asked"
    " less and less often.",
)
def upstream_watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Compare the stored archives with the source, and assets with their inputs; request the next round."""
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("upstream_watch must be evaluated in its code location")
    state = _State.read(context.cursor)
    if run_id := run_under_way(context.instance):
        return state.result(f"Run {run_id} is under way; the next check follows its end.")
    settings = read_settings()
    stored = stored_archives(context.instance)
    history = _last_change(context.instance)
    now = time.time()
    if now < state.due and history == state.history:
        return state.result(f"No run since the last check; the source is asked in {_minutes(state.due - now)}.")
    if now >= state.due or (stored != state.stored and not state.failures):
        try:
            before, state = state, state.ask(settings, stored)
        except (CurationError, TimeoutError) as error:
            return state.unanswered().result(f"{error} Asked again in {_minutes(state.pause)}.")
        if before.seen != state.seen:
            for set_name in stored:
                # An archive that differs from SHA256SUMS is requested too: its run fails, which is alerted.
                with suppress(CurationError, TimeoutError):
                    observe(context.instance, settings, set_name)
    request = next_request(
        context.instance,
        context.repository_def.asset_graph,
        settings,
        seen=state.seen,
        compare_archive=lambda name, sha256: state.changed.get(name) if state.stored.get(name) == sha256 else None,
    )
    if state.failures and isinstance(request, dg.RunRequest) and _includes_archives(request):
        request = (
            f"Archives are out of date, but the source does not answer; asked again in {_minutes(state.due - now)}."
        )
    return replace(state, history=history).result(request)


def _includes_archives(request: dg.RunRequest) -> bool:
    return any(key.path[0] == "archives" for key in request.asset_selection or ())


def _last_change(instance: dg.DagsterInstance) -> str:
    """Return id and status of the run that changed last."""
    last = instance.get_run_records(limit=1, order_by="update_timestamp", ascending=False)
    return f"{last[0].dagster_run.run_id} {last[0].dagster_run.status.value}" if last else ""


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60))} minutes"
