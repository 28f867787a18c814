"""The sensor `failure_alerts`: tells people through a webhook when a run that nobody watched failed.

Belongs here: which failures are told, in which words, and how they are posted. The address is a deployment's secret:
it is read from NOTMNIST_FAILURE_WEBHOOK and never logged.
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

import dagster as dg

from notmnist_assets.metadata.failures import failure_message
from notmnist_assets.runs.steps import step_names
from notmnist_assets.settings.model import FAILURE_WEBHOOK, failure_webhook
from notmnist_assets.sources.deadlines import Connections, within

# Tags that Dagster writes on runs it started itself; it has no public names for them.
_STARTED_BY: Final = {"dagster/schedule_name": "schedule", "dagster/sensor_name": "sensor"}
_LONGEST_REASON: Final = 1_000
_MOST_STEPS: Final = 10
_ATTEMPTS: Final = 2
_TIMEOUT: Final = 4.0
_DEADLINE: Final = 9.0
"""Seconds for all of a message. A tick may take a minute, and tells of up to five runs."""


@dg.run_failure_sensor(
    name="failure_alerts",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=f"Posts a message to the webhook in {FAILURE_WEBHOOK} (Slack, Mattermost and others that take JSON"
    ' `{"text": ...}`) when a run fails that a schedule or a sensor started. Runs that a person started, in the UI or'
    " in the terminal, are not told: that person sees them. Does nothing while the variable is unset.",
)
def failure_alerts(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """Tell of one failed run."""
    run = context.dagster_run
    starter = started_by(run.tags)
    if starter is None:
        return dg.SkipReason(f"Run {run.run_id} was started by a person, who sees how it ended.")
    webhook = failure_webhook()
    if webhook is None:
        return dg.SkipReason(f"Run {run.run_id} failed; nobody is told, because {FAILURE_WEBHOOK} is not set.")
    names = _steps_of(run, context.repository_def)
    failed = ((event.step_key or "", event) for event in context.get_step_failure_events())
    failures = {names.get(step, step): failure_message(event) for step, event in failed}
    problem = _post(webhook, alert_text(run, starter, failures or {"": context.failure_event.message or "it failed"}))
    if problem is None:
        context.log.info(f"Run {run.run_id} failed; the webhook took the message.")
    else:
        context.log.error(f"Run {run.run_id} failed, and the webhook in {FAILURE_WEBHOOK} was not told: {problem}")
    return None


def started_by(tags: Mapping[str, str]) -> str | None:
    """Return which schedule or sensor started a run with these tags, None when a person did."""
    return next((f"{kind} {tags[tag]}" for tag, kind in _STARTED_BY.items() if tag in tags), None)


def alert_text(run: dg.DagsterRun, starter: str, failures: Mapping[str, str]) -> str:
    """Return the message: which job and run failed, who started it, and the reason of each failed step."""
    lines = [f"notmnist_assets: the job {run.job_name} failed, run {run.run_id}, started by the {starter}."]
    for step, reason in list(failures.items())[:_MOST_STEPS]:
        lines.append(f"• {step}: {reason[:_LONGEST_REASON]}" if step else f"• {reason[:_LONGEST_REASON]}")
    if len(failures) > _MOST_STEPS:
        lines.append(f"• and {len(failures) - _MOST_STEPS} more steps")
    # Reasons name files of an archive: in such a name, `<!channel>` must not call everybody.
    return "\n".join(lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _steps_of(run: dg.DagsterRun, repository: dg.RepositoryDefinition | None) -> Mapping[str, str]:
    """Return by Dagster's name each step of a run in words."""
    if repository is None:
        return {}
    graph = repository.asset_graph
    return step_names(graph.assets_defs, run.asset_selection or graph.get_all_asset_keys())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Followed, a redirect would turn the post into a get and count as delivered."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


class _Http(urllib.request.HTTPHandler):
    """Notes its connections, so that they can be ended."""

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._connections = connections

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Open a connection."""
        return self.do_open(_noting(http.client.HTTPConnection, self._connections), request)


class _Https(urllib.request.HTTPSHandler):
    """The same for https."""

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._connections = connections

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Open a connection."""
        return self.do_open(_noting(http.client.HTTPSConnection, self._connections), request)


def _noting(kind: Callable[..., Any], connections: Connections) -> Any:
    """Return what makes connections as `kind` does, and notes them."""

    def connect(*arguments: Any, **options: Any) -> Any:
        connection = kind(*arguments, **options)
        plain = connection.connect

        def noted() -> None:
            plain()
            connections.add(connection)

        connection.connect = noted
        return connection

    return connect


def _post(webhook: str, text: str) -> str | None:
    """Post the message; return in words what went wrong, None when it arrived."""
    try:
        return within(_DEADLINE, lambda connections: _try_to_post(webhook, text, connections))
    except TimeoutError as error:
        return f"it sent {error}."


def _try_to_post(webhook: str, text: str, connections: Connections) -> str | None:
    """Do what `_post` does.

    Not by httpx, which logs every address it asks. No error is quoted: some contain the address.
    """
    request = urllib.request.Request(  # noqa: S310, the settings admit http and https only
        webhook, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    opener = urllib.request.build_opener(_NoRedirect, _Http(connections), _Https(connections))
    problem = None
    for _ in range(_ATTEMPTS):
        if connections.ended:
            break
        try:
            with opener.open(request, timeout=_TIMEOUT):
                return None
        except urllib.error.HTTPError as error:
            problem = f"it answered {error.code}."
            if error.code < 500 and error.code != 429:
                break
        except urllib.error.URLError as error:
            problem = f"it cannot be reached ({type(error.reason).__name__})."
        except (OSError, ValueError, http.client.HTTPException) as error:
            problem = f"it cannot be reached ({type(error).__name__})."
    return problem
