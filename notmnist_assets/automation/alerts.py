"""The sensor `failure_alerts`: posts an alert to a webhook when a run of a schedule or sensor failed.

The address in NOTMNIST_FAILURE_WEBHOOK is a secret and is never logged.
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.metadata.failures import failure_message
from notmnist_assets.runs.steps import step_names
from notmnist_assets.settings.deployment import FAILURE_WEBHOOK, failure_webhook
from notmnist_assets.sources.deadlines import Connections, run_within

# Tags of runs that a schedule or sensor started; Dagster has no public names for them.
_STARTED_BY: Final = {"dagster/schedule_name": "schedule", "dagster/sensor_name": "sensor"}
_ALERTED: Final = "notmnist/alerted"
"""Tag with the id of a run about which an alert was sent; a retry inherits the tag of the run that it repeats."""
_REFUSED: Final = "notmnist/alert_refused"
"""Tag with the id of a run whose alert the webhook did not accept; others are sent before it."""
_LONGEST_REASON: Final = 1_000
_MOST_STEPS: Final = 10
_ATTEMPTS: Final = 2
_TIMEOUT: Final = 4.0
_DEADLINE: Final = 9.0
"""Seconds for one alert with all attempts."""
_MOST_ALERTS: Final = 5
"""Number of alerts in a tick, which may take 60 seconds."""
_LONGEST_DELAY: Final = timedelta(days=1)
_SECONDS: Final = 30


@dg.sensor(
    name="failure_alerts",
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=f"Every {_SECONDS} seconds: posts an alert to the webhook in {FAILURE_WEBHOOK} (Slack, Mattermost and"
    ' others that accept JSON `{"text": ...}`) about each run that failed and that a schedule or sensor started. If the'
    " webhook does not answer, the tick fails, and the alert is sent by a later one, within a day. Runs that a person"
    " started, in the UI or in the terminal, cause no alerts. Does nothing if the variable is unset.",
)
def failure_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Post an alert about each failed run of the last day that has none yet.

    Raises:
        CurationError: the webhook did not accept an alert; its address is not repeated.
    """
    webhook = failure_webhook()
    if webhook is None:
        return dg.SkipReason(f"No alerts are sent, because {FAILURE_WEBHOOK} is not set.")
    recent = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=datetime.now(UTC) - _LONGEST_DELAY)
    failed = [run for run in reversed(context.instance.get_runs(recent)) if not _has_tag(run, _ALERTED)]
    automatic = [(run, starter) for run in failed if (starter := find_starter(run.tags))]
    refused = []
    for run, starter in sorted(automatic, key=lambda found: _has_tag(found[0], _REFUSED))[:_MOST_ALERTS]:
        reasons = _reasons(context.instance, run, context.repository_def)
        if problem := _post(webhook, alert_text(run, starter, reasons)):
            refused.append(f"run {run.run_id} failed, and no alert was accepted: {problem}")
            context.instance.add_run_tags(run.run_id, {_REFUSED: run.run_id})
            continue
        context.instance.add_run_tags(run.run_id, {_ALERTED: run.run_id})
        context.log.info(f"Run {run.run_id} failed; the alert was sent.")
    if refused:
        raise CurationError(
            " ".join(refused),
            subject=f"the webhook in {FAILURE_WEBHOOK}",
            remedy=f"Check it; each alert is sent again for {_LONGEST_DELAY.days} day.",
        )
    return dg.SkipReason(f"Alerts sent: {len(automatic[:_MOST_ALERTS])}.")


def _has_tag(run: dg.DagsterRun, tag: str) -> bool:
    """Return whether a tag is about this run, not inherited from the run that it repeats."""
    return run.tags.get(tag) == run.run_id


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


def _reasons(
    instance: dg.DagsterInstance, run: dg.DagsterRun, repository: dg.RepositoryDefinition | None
) -> dict[str, str]:
    """Return the error of each failed step by the name of the step, or the one of the run with an empty name."""
    graph = repository.asset_graph if repository else None
    names = step_names(graph.assets_defs, run.asset_selection or graph.get_all_asset_keys()) if graph else {}
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    events = [entry.get_dagster_event() for entry in instance.all_logs(run.run_id, of_type=kinds)]
    steps = {
        names.get(event.step_key, event.step_key): failure_message(event)
        for event in events
        if event.step_key and event.is_step_failure
    }
    return steps or {"": next((event.message for event in events if event.message), "it failed")}


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
