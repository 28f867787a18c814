"""Failed runs of schedules and sensors are posted to a webhook; its address is never logged."""

import time
from collections.abc import Iterator, Mapping

import dagster as dg
import pytest

from notmnist_assets.automation import alerts, failure_alerts
from notmnist_assets.automation.alerts import alert_text, find_starter
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.settings.deployment import FAILURE_WEBHOOK
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
def broken(workspace: Workspace) -> Workspace:
    """The workspace with a small archive that is cut short."""
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


def tick(workspace: Workspace, instance: dg.DagsterInstance) -> str:
    """Return the reason for which a tick of the sensor requests no run, or its error."""
    repository = workspace.definitions.get_repository_def()
    try:
        return (
            failure_alerts.evaluate_tick(dg.build_sensor_context(instance, repository_def=repository)).skip_message
            or ""
        )
    except CurationError as error:
        return str(error)


@pytest.mark.parametrize(
    ("tags", "starter"), [(BY_THE_SCHEDULE, "schedule weekly_refresh"), (BY_THE_WATCH, "sensor upstream_watch")]
)
def test_an_alert_about_a_failed_automatic_run_contains_its_error(
    broken: Workspace, webhook: Webhook, tags: dict[str, str], starter: str
) -> None:
    with broken.instance() as instance:
        run = fail(broken, instance, tags)
        assert tick(broken, instance) == "Alerts sent: 1."
    (message,) = webhook.messages
    assert set(message) == {"text"}
    head, step = message["text"].split("\n")
    assert head == f"notmnist_assets: the job refresh failed, run {run.run_id}, started by the {starter}."
    assert step.startswith("• archives/small: ")
    assert "notMNIST_small.tar.gz" in step
    assert "cut short" in step


def test_each_failed_run_causes_one_alert_and_runs_of_people_none(broken: Workspace, webhook: Webhook) -> None:
    with broken.instance() as instance:
        first = fail(broken, instance, BY_THE_WATCH)
        # Code server and `dead_runs` may both report a run of a killed process as failed.
        instance.report_run_failed(first, "The process of this run has died.")
        fail(broken, instance, {})
        tick(broken, instance)
        instance.report_run_failed(first, "The process of this run has died.")
        retried = fail(broken, instance, (instance.get_run_by_id(first.run_id) or first).tags)
        assert tick(broken, instance) == "Alerts sent: 1."
        assert tick(broken, instance) == "Alerts sent: 0."
    texts = [message["text"] for message in webhook.messages]
    assert [[run.run_id in text for run in (first, retried)] for text in texts] == [[True, False], [False, True]]


def test_a_run_that_failed_before_any_step_causes_an_alert(broken: Workspace, webhook: Webhook) -> None:
    with broken.instance() as instance:
        run = instance.create_run_for_job(broken.definitions.resolve_job_def("refresh"), tags=BY_THE_SCHEDULE)
        instance.report_run_failed(run, "The run worker died.")
        tick(broken, instance)
    assert webhook.messages[0]["text"].endswith("\n• The run worker died.")


def test_without_a_webhook_no_alert_is_sent(workspace: Workspace) -> None:
    with workspace.instance() as instance:
        assert tick(workspace, instance) == "No alerts are sent, because NOTMNIST_FAILURE_WEBHOOK is not set."


@pytest.mark.parametrize(
    ("answers", "asked"),
    [([503], 2), ([503, 500], 3), ([404], 2), ([302], 2)],
    ids=["temporary error", "permanent error", "wrong address", "redirected"],
)
def test_an_alert_that_a_webhook_does_not_accept_is_sent_by_the_next_tick(
    broken: Workspace, webhook: Webhook, answers: list[int], asked: int
) -> None:
    webhook.answers.extend(answers)
    with broken.instance() as instance:
        run = fail(broken, instance, BY_THE_SCHEDULE)
        said = tick(broken, instance)
        if answers != [503]:
            assert said.startswith(f"the webhook in {FAILURE_WEBHOOK}: run {run.run_id} failed, and no alert")
            assert f"it answered {answers[-1]}" in said
            assert SECRET not in said
            said = tick(broken, instance)
        assert said == "Alerts sent: 1."
    assert (webhook.asked, len(webhook.messages)) == (asked, 1)


def test_an_alert_that_is_always_refused_delays_no_other(
    broken: Workspace, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_MOST_ALERTS", 1)
    webhook.answers.append(400)
    with broken.instance() as instance:
        refused, other = (
            instance.create_run_for_job(broken.definitions.resolve_job_def("refresh"), tags=BY_THE_SCHEDULE)
            for _ in range(2)
        )
        for run in (refused, other):
            instance.report_run_failed(run, "The run worker died.")
        assert "it answered 400" in tick(broken, instance)
        webhook.answers.extend([200, 400])
        assert [tick(broken, instance)[:12] for _ in range(2)] == ["Alerts sent:", "the webhook "]
    (message,) = webhook.messages
    assert f"run {other.run_id}" in message["text"]


def test_a_webhook_that_is_down_is_reported_without_its_address(
    broken: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Webhook().listening() as stopped:
        monkeypatch.setenv(FAILURE_WEBHOOK, stopped.url)
    with broken.instance() as instance:
        fail(broken, instance, BY_THE_SCHEDULE)
        said = tick(broken, instance)
    assert "it cannot be reached (ConnectionRefusedError)" in said
    assert SECRET not in said


def test_the_connection_of_a_webhook_that_drips_is_closed_at_the_deadline(
    broken: Workspace, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_DEADLINE", 1.0)
    webhook.drips = True
    with broken.instance() as instance:
        fail(broken, instance, BY_THE_SCHEDULE)
        said = tick(broken, instance)
    begun = time.monotonic()
    assert "it sent no complete answer within 1 seconds" in said
    assert SECRET not in said
    while webhook.gone < webhook.asked and time.monotonic() - begun < 30:
        time.sleep(0.1)
    assert webhook.gone == webhook.asked


def test_five_messages_fit_into_a_tick() -> None:
    assert alerts._MOST_ALERTS * alerts._DEADLINE < 50


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


def test_only_schedules_and_sensors_start_runs_by_themselves() -> None:
    assert find_starter(BY_THE_SCHEDULE) == "schedule weekly_refresh"
    assert find_starter({"dagster/from_automation_condition": "true", "dagster/sensor_name": "x"}) == "sensor x"
    assert find_starter({"dagster/from_ui": "true"}) is None


def test_alerts_are_on_by_default_because_they_start_no_runs() -> None:
    assert failure_alerts.default_status == dg.DefaultSensorStatus.RUNNING
