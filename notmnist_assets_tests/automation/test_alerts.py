"""Failed runs of schedules and sensors are posted to a webhook; its address is never logged."""

import logging
import time
from collections.abc import Iterator, Mapping

import dagster as dg
import pytest

from notmnist_assets.automation import alerts, failure_alerts
from notmnist_assets.automation.alerts import alert_text, find_starter
from notmnist_assets.runs import lock
from notmnist_assets.settings.model import FAILURE_WEBHOOK
from notmnist_assets_tests.automation.webhook import SECRET, Webhook
from notmnist_assets_tests.workspace import QUIET, Workspace

BY_THE_SCHEDULE = {"dagster/schedule_name": "weekly_refresh"}
BY_THE_WATCH = {"dagster/sensor_name": "upstream_watch"}


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with Webhook().listening() as webhook:
        monkeypatch.setenv(FAILURE_WEBHOOK, webhook.url)
        yield webhook


@pytest.fixture
def broken(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace with a small archive that is cut short.

    Its runs stay without the code location of the UI: a sensor alerts about runs of its own location, and in a test it
    has none.
    """
    monkeypatch.setattr(lock, "assign_to_location", lambda *_: None)
    path = workspace.archives / "notMNIST_small.tar.gz"
    path.write_bytes(path.read_bytes()[:-300])
    return workspace


def fail(workspace: Workspace, instance: dg.DagsterInstance, tags: Mapping[str, str]) -> dg.DagsterRun:
    """Execute a run that fails, with the tags of its starter."""
    result = workspace.definitions.resolve_job_def("refresh").execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(["archives", "small"])],
        run_config=QUIET,
        tags=tags,
        raise_on_error=False,
    )
    assert not result.success
    return result.dagster_run


def tick(
    workspace: Workspace,
    instance: dg.DagsterInstance,
    tags: Mapping[str, str],
    log: pytest.LogCaptureFixture | None = None,
) -> tuple[dg.DagsterRun, str | None, list[str]]:
    """Execute a run that fails between two ticks of the sensor.

    Returns:
        The run, the reason if the second tick is skipped, and the errors that it logged.
    """
    repository = workspace.definitions.get_repository_def()
    first = failure_alerts.evaluate_tick(dg.build_sensor_context(instance, repository_def=repository))
    run = fail(workspace, instance, tags)
    context = dg.build_sensor_context(instance, cursor=first.cursor, repository_def=repository)
    if log is not None:
        context.log.addHandler(log.handler)
    second = failure_alerts.evaluate_tick(context)
    assert second.cursor != first.cursor
    errors = [str(reaction.error) for reaction in second.dagster_run_reactions or () if reaction.error]
    return run, second.skip_message, errors


@pytest.mark.parametrize(
    ("tags", "starter"), [(BY_THE_SCHEDULE, "schedule weekly_refresh"), (BY_THE_WATCH, "sensor upstream_watch")]
)
def test_an_alert_about_a_failed_automatic_run_contains_its_error(
    broken: Workspace, webhook: Webhook, tags: dict[str, str], starter: str
) -> None:
    with broken.instance() as instance:
        run, skipped, errors = tick(broken, instance, tags)
    assert (skipped, errors) == (None, [])
    (message,) = webhook.messages
    assert set(message) == {"text"}
    head, step = message["text"].split("\n")
    assert head == f"notmnist_assets: the job refresh failed, run {run.run_id}, started by the {starter}."
    assert step.startswith("• archives/small: ")
    assert "notMNIST_small.tar.gz" in step
    assert "cut short" in step


def test_failures_of_people_and_repeated_reports_in_the_same_tick_cause_no_further_alert(
    broken: Workspace, webhook: Webhook
) -> None:
    repository = broken.definitions.get_repository_def()
    with broken.instance() as instance:
        cursor = failure_alerts.evaluate_tick(dg.build_sensor_context(instance, repository_def=repository)).cursor
        run = fail(broken, instance, BY_THE_WATCH)
        instance.report_run_failed(run, "The process of this run has died.")
        fail(broken, instance, {})
        for _ in range(2):
            context = dg.build_sensor_context(instance, cursor=cursor, repository_def=repository)
            cursor = failure_alerts.evaluate_tick(context).cursor
    assert [run.run_id in message["text"] for message in webhook.messages] == [True]


def test_a_run_that_a_person_started_causes_no_alert(
    broken: Workspace, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with broken.instance() as instance:
        run, skipped, errors = tick(broken, instance, {}, caplog)
    assert (skipped, errors) == (None, [])
    assert f"Run {run.run_id} was started by a person: no alert." in caplog.text
    assert webhook.asked == 0


def test_without_a_webhook_no_alert_is_sent(broken: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with broken.instance() as instance:
        run, skipped, errors = tick(broken, instance, BY_THE_SCHEDULE, caplog)
    assert (skipped, errors) == (None, [])
    assert f"Run {run.run_id} failed; no alert was sent, because NOTMNIST_FAILURE_WEBHOOK is not set." in caplog.text


@pytest.mark.parametrize(
    ("answers", "asked", "delivered"),
    [([503], 2, True), ([503, 500], 2, False), ([404], 1, False), ([302], 1, False)],
    ids=["temporary error", "permanent error", "wrong address", "redirected"],
)
def test_a_failing_webhook_is_logged_without_its_address_and_fails_no_tick(
    broken: Workspace,
    webhook: Webhook,
    caplog: pytest.LogCaptureFixture,
    answers: list[int],
    asked: int,
    delivered: bool,
) -> None:
    webhook.answers.extend(answers)
    caplog.set_level(logging.DEBUG)
    with broken.instance() as instance:
        run, skipped, errors = tick(broken, instance, BY_THE_SCHEDULE, caplog)
    assert (skipped, errors) == (None, [])
    assert (webhook.asked, len(webhook.messages)) == (asked, int(delivered))
    assert (f"it answered {answers[-1]}" in caplog.text) is not delivered
    assert f"Run {run.run_id} failed" in caplog.text
    assert SECRET not in caplog.text


def test_a_webhook_that_is_down_is_logged_without_its_address(
    broken: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Webhook().listening() as stopped:
        monkeypatch.setenv(FAILURE_WEBHOOK, stopped.url)
    caplog.set_level(logging.DEBUG)
    with broken.instance() as instance:
        _, skipped, errors = tick(broken, instance, BY_THE_SCHEDULE, caplog)
    assert (skipped, errors) == (None, [])
    assert "it cannot be reached (ConnectionRefusedError)" in caplog.text
    assert SECRET not in caplog.text


def test_the_connection_of_a_webhook_that_drips_is_closed_at_the_deadline(
    broken: Workspace, webhook: Webhook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_DEADLINE", 1.0)
    webhook.drips = True
    with broken.instance() as instance:
        _, skipped, errors = tick(broken, instance, BY_THE_SCHEDULE, caplog)
    begun = time.monotonic()
    assert (skipped, errors) == (None, [])
    assert "WEBHOOK: it sent no complete answer within 1 seconds" in caplog.text
    assert SECRET not in caplog.text
    while webhook.gone < webhook.asked and time.monotonic() - begun < 30:
        time.sleep(0.1)
    assert webhook.gone == webhook.asked


def test_five_messages_fit_into_a_tick() -> None:
    assert 5 * alerts._DEADLINE < 50


def test_a_file_name_notifies_no_channel() -> None:
    run = dg.DagsterRun("refresh", "1234")
    text = alert_text(run, "schedule weekly_refresh", {"letters_small": "<!channel> & <https://example.org|click>"})
    assert "<" not in text
    assert "&lt;!channel&gt; &amp; " in text


def test_many_long_reasons_make_one_message_of_bounded_length() -> None:
    failures = {f"step_{number}": "x" * 100_000 for number in range(12)}
    text = alert_text(dg.DagsterRun("refresh", "1234"), "schedule weekly_refresh", failures)
    assert len(text) < 20_000
    assert text.endswith("• and 2 more steps")


def test_a_run_that_failed_before_any_step_causes_an_alert() -> None:
    text = alert_text(dg.DagsterRun("refresh", "1234"), "schedule weekly_refresh", {"": "The run worker died."})
    assert text.endswith("\n• The run worker died.")


def test_only_schedules_and_sensors_start_runs_by_themselves() -> None:
    assert find_starter(BY_THE_SCHEDULE) == "schedule weekly_refresh"
    assert find_starter({"dagster/from_automation_condition": "true", "dagster/sensor_name": "x"}) == "sensor x"
    assert find_starter({"dagster/from_ui": "true"}) is None


def test_alerts_are_on_by_default_because_they_start_no_runs() -> None:
    assert failure_alerts.default_status == dg.DefaultSensorStatus.RUNNING
