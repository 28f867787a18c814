"""The sensor `upstream_watch`: asks the source whether an archive changed, and for a run only then.

Belongs here: what is remembered from one look to the next. How a source is asked is in `sources`, what a change makes
stale in `planning`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

import dagster as dg

from notmnist_assets.automation.job import REFRESH_JOB
from notmnist_assets.automation.under_way import run_making_archives
from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.images import SETS
from notmnist_assets.planning import first_of, plan_refresh
from notmnist_assets.settings import Settings, read_settings
from notmnist_assets.sources.choice import source_of

# Archives of this kind change a few times a year, and whoever replaces one wants to see the result the same hour. A
# look is two requests without a body, so four in an hour trouble no server.
_MINUTES: Final = 15
_LONGEST_PAUSE: Final = 16
"""Looks from one question to a silent server to the next: four hours."""


@dataclass(frozen=True)
class _Memory:
    """What the last look leaves for the next one, as JSON in the cursor.

    Attributes:
        seen: where the archives are and what their source says of each, as of the last answer that was acted on.
        failures: questions in a row that got no answer.
        pause: looks to sit out before the next question.
        trouble: why there was no answer.
    """

    seen: Mapping[str, str] = field(default_factory=dict)
    failures: int = 0
    pause: int = 0
    trouble: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> "_Memory":
        """Return what a cursor says; nothing when it is unset or not ours."""
        try:
            return cls(**json.loads(cursor or "{}"))
        except (ValueError, TypeError):
            return cls()

    def skip(self, reason: str) -> dg.SensorResult:
        """Return the result of a look after which nothing is to be done."""
        return dg.SensorResult(skip_reason=reason, cursor=json.dumps(asdict(self)))

    def unanswered(self, trouble: str) -> "_Memory":
        """Return the memory after one more question without an answer: the pause doubles each time."""
        pause = min(2**self.failures, _LONGEST_PAUSE) - 1
        return _Memory(self.seen, self.failures + 1, pause, trouble)

    @property
    def when_asked_again(self) -> str:
        """When the next question is due, in words."""
        return f"Asked again in {(self.pause + 1) * _MINUTES} minutes."


@dg.sensor(
    name="upstream_watch",
    job=REFRESH_JOB,
    minimum_interval_seconds=_MINUTES * 60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=f"Every {_MINUTES} minutes: asks where the archives come from whether one changed (a server by ETag,"
    " date and size, a folder by date and size; nothing is downloaded) and runs `refresh` for what is out of date only"
    " then, once for each change. A server that does not answer is reported here and asked less and less often.",
)
def upstream_watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Compare what the source says with what it said before, and look closer only when that differs."""
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("upstream_watch is evaluated within its repository")
    memory = _Memory.read(context.cursor)
    if memory.pause:
        rested = _Memory(memory.seen, memory.failures, memory.pause - 1, memory.trouble)
        return rested.skip(f"{memory.trouble} {rested.when_asked_again}")
    settings = read_settings()
    try:
        seen = _ask(settings)
    except CurationError as error:
        silent = memory.unanswered(str(error))
        return silent.skip(f"{error} {silent.when_asked_again}")
    if seen == memory.seen:
        return _Memory(seen).skip("Both archives are as they were at the last look.")
    if run_id := run_making_archives(context.instance):
        return _Memory(memory.seen).skip(f"Run {run_id} is making the archives; looked at again when it is done.")
    stale, held = plan_refresh(context.repository_def.asset_graph, context.instance, settings)
    changed = [key for key in stale if key.path[0] == "archives"]
    if not changed:
        return _Memory(seen).skip("Both archives are those that everything was made from.")
    for key in changed:
        context.log.info(f"{key.to_user_string()}: {stale[key]}")
    if held:
        context.log.info(f"{len(held)} assets wait, {first_of(held)}.")
    request = dg.RunRequest(run_key=_run_key(context.instance, seen), asset_selection=list(stale))
    return dg.SensorResult(run_requests=[request], cursor=json.dumps(asdict(_Memory(seen))))


def _ask(settings: Settings) -> dict[str, str]:
    source = source_of(settings)
    return {"from": settings.archives_told or "", **{name: source.validator(name) for name in SETS}}


def _run_key(instance: dg.DagsterInstance, seen: Mapping[str, str]) -> str:
    """Return a name for the change from what was made last to what there is now.

    It stays the same while runs for it fail, and differs when a change is taken back or comes again.
    """
    made = [instance.get_latest_materialization_event(dg.AssetKey(["archives", name])) for name in SETS]
    parts = [sorted(seen.items()), [event.run_id if event else None for event in made]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
