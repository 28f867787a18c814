"""The sensor `failure_alerts`: posts an alert to a webhook when a run of a schedule or sensor failed.

The address in NOTMNIST_FAILURE_WEBHOOK is a secret and is never logged.
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
from notmnist_assets.sources.deadlines import Connections, run_within

# Tags of runs that a schedule or sensor started; Dagster has no public names for them.
_STARTED_BY: Final = {"dagster/schedule_name": "schedule", "dagster/sensor_name": "sensor"}
_ALERTED: Final = "notmnist/alerted"
_LONGEST_REASON: Final = 1_000
_MOST_STEPS: Final = 10
_ATTEMPTS: Final = 2
_TIMEOUT: Final = 4.0
_DEADLINE: Final = 9.0
"""Seconds for one alert with all attempts. A tick may take 60 seconds and posts up to five alerts."""


@dg.run_failure_sensor(
    name="failure_alerts",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=f"Posts an alert to the webhook in {FAILURE_WEBHOOK} (Slack, Mattermost and others that accept JSON"
    ' `{"text": ...}`) when a run fails that a schedule or sensor started. Runs that a person started, in the UI or in'
    " the terminal, cause no alerts. Does nothing if the variable is unset.",
)
def failure_alerts(context: dg.RunFailureSensorContext) -> None:
    """Post an alert about a failed run.

    Reasons for no alert are logged. A SkipReason would fail the tick if the same tick also alerts about another run,
    and the next tick would alert about that again.
    """
    run = context.dagster_run
    starter = find_starter(run.tags)
    if starter is None:
        context.log.info(f"Run {run.run_id} was started by a person: no alert.")
        return
    webhook = failure_webhook()
    if webhook is None:
        context.log.info(f"Run {run.run_id} failed; no alert was sent, because {FAILURE_WEBHOOK} is not set.")
        return
    # Code server and `dead_runs` may both report a run of a killed process as failed, each with an event of its own.
    recorded = context.instance.get_run_by_id(run.run_id)
    if recorded is not None and _ALERTED in recorded.tags:
        context.log.info(f"Run {run.run_id} failed; the alert was sent before.")
        return
    names = _steps_of(run, context.repository_def)
    failed = ((event.step_key or "", event) for event in context.get_step_failure_events())
    failures = {names.get(step, step): failure_message(event) for step, event in failed}
    problem = _post(webhook, alert_text(run, starter, failures or {"": context.failure_event.message or "it failed"}))
    if problem is None:
        context.instance.add_run_tags(run.run_id, {_ALERTED: "true"})
        context.log.info(f"Run {run.run_id} failed; the alert was sent.")
    else:
        context.log.error(f"Run {run.run_id} failed, and no alert reached the webhook in {FAILURE_WEBHOOK}: {problem}")


def find_starter(tags: Mapping[str, str]) -> str | None:
    """Return the schedule or sensor that started a run with these tags, None if a person did."""
    return next((f"{kind} {tags[tag]}" for tag, kind in _STARTED_BY.items() if tag in tags), None)


def alert_text(run: dg.DagsterRun, starter: str, failures: Mapping[str, str]) -> str:
    """Return the text of an alert: job, run, its schedule or sensor, and the error of each failed step."""
    lines = [f"notmnist_assets: the job {run.job_name} failed, run {run.run_id}, started by the {starter}."]
    for step, reason in list(failures.items())[:_MOST_STEPS]:
        lines.append(f"• {step}: {reason[:_LONGEST_REASON]}" if step else f"• {reason[:_LONGEST_REASON]}")
    if len(failures) > _MOST_STEPS:
        lines.append(f"• and {len(failures) - _MOST_STEPS} more steps")
    # Errors contain file names of an archive; `<!channel>` in such a name must not notify a whole channel.
    return "\n".join(lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _steps_of(run: dg.DagsterRun, repository: dg.RepositoryDefinition | None) -> Mapping[str, str]:
    """Return the name of each step of a run by Dagster's step key."""
    if repository is None:
        return {}
    graph = repository.asset_graph
    return step_names(graph.assets_defs, run.asset_selection or graph.get_all_asset_keys())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, which would repeat the POST as a GET and report success."""

    def redirect_request(self, *_: Any) -> None:
        """Return None, so that the redirect is an error."""


class _RecordingHandler(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    """Opens HTTP and HTTPS connections and records them, so that another thread can close them."""

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._connections = connections

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Open an HTTP connection."""
        return self.do_open(_recording(http.client.HTTPConnection, self._connections), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Open an HTTPS connection."""
        return self.do_open(_recording(http.client.HTTPSConnection, self._connections), request)


def _recording(kind: Callable[..., Any], connections: Connections) -> Any:
    """Return a factory of connections of the class `kind` that adds each to `connections`."""

    def connect(*arguments: Any, **options: Any) -> Any:
        connection = kind(*arguments, **options)
        plain = connection.connect

        def connect_and_record() -> None:
            plain()
            connections.add(connection)

        connection.connect = connect_and_record
        return connection

    return connect


def _post(webhook: str, text: str) -> str | None:
    """Post the text and return the problem, None if it arrived."""
    try:
        return run_within(_DEADLINE, lambda connections: _try_to_post(webhook, text, connections))
    except TimeoutError as error:
        return f"it sent {error}."


def _try_to_post(webhook: str, text: str, connections: Connections) -> str | None:
    """Post the text in up to two attempts and return the problem, None if it arrived.

    httpx is not used because it logs each address. Messages of errors are not quoted because some contain the address.
    """
    request = urllib.request.Request(  # noqa: S310, the settings admit http and https only
        webhook, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    opener = urllib.request.build_opener(_NoRedirect, _RecordingHandler(connections))
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
