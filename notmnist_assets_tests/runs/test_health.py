"""The state of the history: daemon, schedules, sensors and runs."""

from pathlib import Path

import dagster as dg
import pytest

from notmnist_assets.runs.health import Finding, Level, duration_text, examine_history
from notmnist_assets.runs.instance import open_instance


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "history"))
    return tmp_path / "history"


@dg.asset
def fails() -> None:
    """Fail."""
    raise ValueError("no")


@dg.asset
def succeeds() -> None:
    """Succeed."""


def examined() -> dict[str, Finding]:
    with open_instance() as instance:
        return {finding.subject: finding for finding in examine_history(instance, {"weekly_refresh": True})}


def test_a_new_history_has_no_good_run_and_needs_no_daemon(home: Path) -> None:
    found = examined()
    assert found["history"] == Finding(Level.OK, "history", f"{home}, 0 runs")
    assert found["daemon"].level is Level.OK
    assert found["last good run"] == Finding(Level.WARN, "last good run", "none. Materialize everything: notmnist run")


def test_a_failed_run_after_a_good_one_warns_until_the_next_good_one(home: Path) -> None:
    with open_instance() as instance:
        assert dg.materialize([succeeds], instance=instance).success
        failed = dg.materialize([fails], instance=instance, raise_on_error=False)
    finding = examined()["last good run"]
    assert finding.level is Level.WARN
    assert f"the last run, {failed.run_id[:8]}, failed" in finding.detail
    with open_instance() as instance:
        assert dg.materialize([succeeds], instance=instance).success
    assert examined()["last good run"].level is Level.OK


def test_a_configuration_without_the_settings_that_runs_rely_on_warns(home: Path) -> None:
    examined()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    history = examined()["history"]
    assert history.level is Level.WARN
    assert "lacks max_concurrent_runs: 1 and run_monitoring" in history.detail


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "less than a minute"), (61, "1 minute"), (7_300, "2 hours"), (90_000, "1 day")]
)
def test_ages_are_given_in_one_unit(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
