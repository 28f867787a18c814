"""The sensor `dead_runs`: ends runs whose process has died, so that those behind them in the queue move on."""

from typing import Final

import dagster as dg

from notmnist_assets.runs.process import end_dead_runs

_SECONDS: Final = 30


@dg.sensor(
    name="dead_runs",
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=f"Every {_SECONDS} seconds: reports runs as failed whose process was killed or whose machine stopped."
    " Runs that wait in the queue then start, and `failure_alerts` posts its message. Starts no run itself.",
)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Look for runs whose process has died."""
    dead = end_dead_runs(context.instance)
    for run_id in dead:
        context.log.warning(f"The process of run {run_id} has died; the run is reported as failed.")
    return dg.SkipReason(f"Ended {len(dead)} dead runs: {', '.join(dead)}" if dead else "No run is dead.")
