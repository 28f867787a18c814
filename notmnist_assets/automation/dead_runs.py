"""The sensor `dead_runs`: reports runs whose process has died as failed, so that queued runs can start."""

from typing import Final

import dagster as dg

from notmnist_assets.runs.process import end_dead_runs

_SECONDS: Final = 30


@dg.sensor(
    name="dead_runs",
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=f"Every {_SECONDS} seconds: reports runs as failed whose process was killed or whose machine stopped."
    " Queued runs can then start, and `failure_alerts` posts an alert. Requests no runs.",
)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Report the runs whose process has died."""
    dead = end_dead_runs(context.instance)
    for run_id in dead:
        context.log.warning(f"The process of run {run_id} has died; the run is reported as failed.")
    return dg.SkipReason(f"Reported as failed: {', '.join(dead)}" if dead else "There are no dead runs.")
