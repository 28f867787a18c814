"""The jobs, and the schedule and sensors that request runs, report dead runs and post alerts about failed ones."""

from notmnist_assets.automation.alerts import failure_alerts
from notmnist_assets.automation.dead_runs import dead_runs
from notmnist_assets.automation.job import CHECKS_JOB, REFRESH_JOB
from notmnist_assets.automation.schedule import weekly_refresh
from notmnist_assets.automation.upstream import upstream_watch

SENSORS = (upstream_watch, failure_alerts, dead_runs)

__all__ = [
    "CHECKS_JOB",
    "REFRESH_JOB",
    "SENSORS",
    "dead_runs",
    "failure_alerts",
    "upstream_watch",
    "weekly_refresh",
]
