"""The sensor `upstream_watch`: makes what is out of date, soon after the sources or anything made from them changed."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final

import dagster as dg

from notmnist_assets.automation.job import REFRESH_JOB
from notmnist_assets.automation.looking import ask_source, changes
from notmnist_assets.automation.rounds import TICK_SECONDS, next_request
from notmnist_assets.automation.under_way import run_under_way
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.settings.model import Settings, read_settings
from notmnist_assets.sources.deadlines import within
from notmnist_assets.staleness.materializations import stored_archives

_INTERVAL: Final = 60
# Archives of this kind change a few times a year, and whoever replaces one wants to see the result the same hour. A
# look is a few requests without a body, so four in an hour trouble no server.
_MINUTES: Final = 15
_LONGEST_PAUSE: Final = 240
"""Minutes from one question to a silent server to the next."""


@dataclass(frozen=True)
class _Memory:
    """What a tick leaves for the next one, as JSON in the cursor; without it, the next one asks again.

    Attributes:
        seen: what the source said of its archives when it last answered.
        stored: the archives that were stored then.
        changed: those of them that were out of date, with the reason.
        due: when the source is asked again, in seconds since 1970.
        failures: questions in a row that got no answer.
        history: the last change of the history that was looked at.
    """

    seen: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, str | None] = field(default_factory=dict)
    changed: Mapping[str, str] = field(default_factory=dict)
    due: float = 0.0
    failures: int = 0
    history: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> "_Memory":
        """Return what a cursor says; nothing when it is unset or not ours."""
        try:
            return cls(**json.loads(cursor or "{}"))
        except (ValueError, TypeError):
            return cls()

    def result(self, asked: dg.RunRequest | str) -> dg.SensorResult:
        """Return the result of a tick that leaves this memory."""
        cursor = json.dumps(asdict(self))
        if isinstance(asked, str):
            return dg.SensorResult(skip_reason=asked, cursor=cursor)
        return dg.SensorResult(run_requests=[asked], cursor=cursor)

    def ask(self, settings: Settings, stored: Mapping[str, str | None]) -> "_Memory":
        """Return the memory after asking the source.

        Raises:
            CurationError: it does not answer.
            TimeoutError: not in time.
        """
        seen = within(TICK_SECONDS / 2, lambda _: ask_source(settings))
        if seen == self.seen and stored == self.stored and not self.changed:
            changed: Mapping[str, str] = {}
        else:
            changed = within(TICK_SECONDS / 2, lambda _: changes(settings, stored))
        return _Memory(seen, stored, changed, time.time() + _MINUTES * 60, 0, self.history)

    def unanswered(self) -> "_Memory":
        """Return the memory after one more question without an answer: the pause doubles each time."""
        return replace(self, due=time.time() + self.pause * 60, failures=self.failures + 1)

    @property
    def pause(self) -> int:
        """Minutes until a question is repeated that gets no answer now."""
        return min(_MINUTES << min(self.failures, 10), _LONGEST_PAUSE)


@dg.sensor(
    name="upstream_watch",
    job=REFRESH_JOB,
    minimum_interval_seconds=_INTERVAL,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=f"Every {_MINUTES} minutes: asks where the archives come from whether one changed (a server by ETag,"
    " date, size and SHA256SUMS, a folder by date and size; nothing is downloaded). Within a minute after any run:"
    " looks whether something is out of date because of it. Then runs the next round of what notmnist run would make,"
    " until nothing is out of date. A server that does not answer is reported here and asked less and less often.",
)
def upstream_watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Compare what is stored with what the source has now, and what was made with what it is made from."""
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("upstream_watch is evaluated within its repository")
    memory = _Memory.read(context.cursor)
    if run_id := run_under_way(context.instance):
        return memory.result(f"Run {run_id} is under way; looked at again when it is done.")
    settings = read_settings()
    stored = stored_archives(context.instance)
    history = _last_change(context.instance)
    now = time.time()
    if now < memory.due and history == memory.history:
        return memory.result(f"Nothing ran since the last look; the source is asked in {_minutes(memory.due - now)}.")
    if now >= memory.due or (stored != memory.stored and not memory.failures):
        try:
            memory = memory.ask(settings, stored)
        except (CurationError, TimeoutError) as error:
            return memory.unanswered().result(f"{error} Asked again in {memory.pause} minutes.")
    asked = next_request(
        context.instance,
        context.repository_def.asset_graph,
        settings,
        seen=memory.seen,
        look=lambda name, sha256: memory.changed.get(name) if memory.stored.get(name) == sha256 else None,
    )
    if memory.failures and isinstance(asked, dg.RunRequest) and _makes_archives(asked):
        asked = (
            f"Archives are out of date, and their source does not answer; asked again in {_minutes(memory.due - now)}."
        )
    return replace(memory, history=history).result(asked)


def _makes_archives(asked: dg.RunRequest) -> bool:
    return any(key.path[0] == "archives" for key in asked.asset_selection or ())


def _last_change(instance: dg.DagsterInstance) -> str:
    """Return what differs once another run ended or began."""
    last = instance.get_run_records(limit=1, order_by="update_timestamp", ascending=False)
    return f"{last[0].dagster_run.run_id} {last[0].dagster_run.status.value}" if last else ""


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60))} minutes"
