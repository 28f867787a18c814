"""Evaluates ticks of schedule and sensor as the daemon does, and executes the runs that they request."""

import time
from collections.abc import Callable
from unittest.mock import patch

import dagster as dg

from notmnist_assets.automation import run_requests, upstream, upstream_watch, weekly_refresh
from notmnist_assets_tests.workspace import QUIET, Workspace, keys_of


class Clock:
    """The clock of automation, which tests set forward."""

    def __init__(self) -> None:
        self.later = 0.0

    def pass_minutes(self, minutes: float) -> None:
        self.later += minutes * 60

    def time(self) -> float:
        return time.time() + self.later


class Watch:
    """`upstream_watch`."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.clock = Clock()
        self.cursor: str | None = None

    def tick(self) -> dg.RunRequest | str:
        """Return the requested run, or the reason why none is requested."""
        with (
            self.workspace.instance() as instance,
            patch.object(upstream, "time", self.clock),
            patch.object(run_requests, "time", self.clock),
        ):
            repository = self.workspace.definitions.get_repository_def()
            context = dg.build_sensor_context(instance, self.cursor, repository_def=repository)
            result = upstream_watch.evaluate_tick(context)
        self.cursor = result.cursor
        if result.run_requests:
            (request,) = result.run_requests
            return request
        assert result.skip_message
        return result.skip_message

    def look(self) -> dg.RunRequest | str:
        """Return the result of the next tick that asks the source."""
        self.clock.pass_minutes(15)
        return self.tick()


class Schedule:
    """`weekly_refresh`."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def tick(self) -> dg.RunRequest | str:
        """Return the requested run, or the reason why none is requested."""
        with self.workspace.instance() as instance:
            repository = self.workspace.definitions.get_repository_def()
            asked = weekly_refresh(dg.build_schedule_context(instance=instance, repository_def=repository))
        if isinstance(asked, dg.RunRequest):
            return asked
        assert isinstance(asked, dg.SkipReason)
        return str(asked.skip_message)


def carry_out(workspace: Workspace, request: dg.RunRequest | str) -> dg.ExecuteInProcessResult:
    """Execute the requested run as the daemon does."""
    assert isinstance(request, dg.RunRequest), request
    with workspace.instance() as instance:
        return workspace.definitions.resolve_job_def("refresh").execute_in_process(
            instance=instance,
            asset_selection=list(request.asset_selection or ()),
            run_config=QUIET,
            tags=request.tags,
            raise_on_error=False,
        )


def cancel(workspace: Workspace, request: dg.RunRequest | str) -> str:
    """Terminate the requested run while it is queued; return its id."""
    assert isinstance(request, dg.RunRequest), request
    with workspace.instance() as instance:
        run = instance.create_run_for_job(
            workspace.definitions.resolve_job_def("refresh"),
            asset_selection=frozenset(request.asset_selection or ()),
            tags=request.tags,
        )
        instance.report_run_canceled(run)
    return run.run_id


def follow(workspace: Workspace, tick: Callable[[], dg.RunRequest | str]) -> list[set[str]]:
    """Execute the runs that ticks request until none is requested; return the assets of each run."""
    made = []
    while isinstance(request := tick(), dg.RunRequest):
        result = carry_out(workspace, request)
        assert result.success, [event.message for event in result.all_events if event.is_failure]
        made.append(requested(request))
        assert len(made) < 9, made
    return made


def requested(answer: dg.RunRequest | str) -> set[str]:
    assert isinstance(answer, dg.RunRequest), answer
    return keys_of(list(answer.asset_selection or ()))
