"""Prints progress bars during a run, the tables of assets and findings, and what failed."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg
from rich import box
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column, Table
from rich.text import Text

from notmnist_assets.assets.declaration import Declaration
from notmnist_assets.cli.show import summary_text
from notmnist_assets.curation.core.progress import Advance, show_progress_on
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.runs.steps import current_step_name
from notmnist_assets.staleness.materializations import profile_of
from notmnist_assets.staleness.outcomes import (
    NOT_COMPARED,
    NOT_RUN,
    latest_evaluations,
    outcome_of,
    outcome_without_evaluation,
)
from notmnist_assets.staleness.plan import Reasons, assets_in_order, grouped_reasons

_ROOM_FOR_PERCENTAGES: Final = 100


@contextmanager
def progress_bars(console: Console) -> Iterator[None]:
    """Show a progress bar for each piece of work in the block, with the assets of the current step.

    Does nothing if the console is not a terminal.
    """
    if not console.is_terminal:
        yield
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        # A narrow terminal has room for the bar only.
        *([TaskProgressColumn()] if console.width >= _ROOM_FOR_PERCENTAGES else []),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
    )
    ended: dict[str, tuple[TaskID, int]] = {}
    with Progress(*columns, console=console) as bars:

        @contextmanager
        def display(title: str, total: int | None, unit: str) -> Iterator[Advance]:
            scale = 1_000_000 if unit == "B" else 1
            work = ": ".join(filter(None, (current_step_name(), title)))
            label = f"{work} (MB)" if unit == "B" else f"{work} ({unit})"
            # The same work on the next of many values continues its bar.
            earlier, before = ended.pop(label, (None, 0))
            if earlier is not None:
                bars.remove_task(earlier)
            expected = None if total is None else max(before + total // scale, 1)
            task = bars.add_task(escape(label), total=expected, completed=before)
            done = 0

            def advance(amount: int) -> None:
                nonlocal done
                done += amount
                bars.update(task, completed=before + done // scale)

            try:
                yield advance
            finally:
                amount = max(before + done // scale, 1)
                bars.update(task, total=amount, completed=amount)
                bars.stop_task(task)
                ended[label] = (task, amount)

        with show_progress_on(display):
            yield


def assets_table(definitions: dg.Definitions, instance: dg.DagsterInstance, profile: str) -> Table:
    """Return a table with one line per asset: rows, time of materialization, and results of its checks.

    The history keeps one last materialization per asset for all profiles. If it was for another profile, the line
    contains only the name of that profile.
    """
    table = Table(
        title="Assets",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    table.add_column("asset", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("time (UTC)", overflow="fold", min_width=len("2026-01-01"))
    table.add_column("checks", overflow="fold")
    graph = definitions.resolve_asset_graph()
    keys = assets_in_order(graph)
    records = instance.get_asset_records(keys)
    entries = {record.asset_entry.asset_key: record.asset_entry for record in records}
    checks = _check_results(
        graph, instance, {key: entry.last_materialization_storage_id for key, entry in entries.items()}
    )
    idle = 0
    for key in keys:
        event = entries[key].last_materialization if key in entries else None
        if event is None or event.asset_materialization is None:
            table.add_row(key.to_user_string(), "", "never", "")
            continue
        metadata = event.asset_materialization.metadata
        if (other := profile_of(metadata)) != profile:
            table.add_row(key.to_user_string(), "", f"last for profile {other}", "")
            continue
        rows = metadata.get("dagster/row_count") or metadata.get("rows")
        made = datetime.fromtimestamp(event.timestamp, UTC).strftime("%Y-%m-%d %H:%M")
        outcomes = checks.get(key, {})
        idle += list(outcomes.values()).count(NOT_COMPARED)
        table.add_row(key.to_user_string(), f"{rows.value:,}" if rows else "", made, _describe_checks(outcomes))
    if idle:
        table.caption = (
            f"{counted(idle, 'check')} had nothing to compare with and no result: `notmnist show ASSET` says why."
        )
    return table


def findings(
    declarations: Iterable[Declaration], instance: dg.DagsterInstance, profile: str
) -> Iterator[RenderableType]:
    """Yield the findings of a profile for printing: the summaries of the assets that declare one as a finding."""
    yield Text("Findings", style="italic")
    for declaration in declarations:
        if not declaration.is_finding:
            continue
        event = instance.get_latest_materialization_event(declaration.asset_key)
        metadata = event.asset_materialization.metadata if event and event.asset_materialization else {}
        text = summary_text(metadata)
        if text is not None and profile_of(metadata) == profile:
            yield Text(declaration.key, style="bold")
            yield text


def failures(blocked: Reasons, failed: Mapping[str, str]) -> Iterator[str]:
    """Yield lines about what was blocked or failed and why, with markup.

    Args:
        blocked: the reason for each asset that was blocked.
        failed: the reason for each step that failed.
    """
    yield from (f"blocked: {escape(line)}" for line in grouped_reasons(blocked))
    yield from (f"[red]{step} failed:[/red] {escape(reason)}" for step, reason in failed.items())


def _check_results(
    graph: Any, instance: dg.DagsterInstance, materialized: Mapping[dg.AssetKey, int | None]
) -> dict[dg.AssetKey, dict[str, str]]:
    """Return the outcome of each check by asset: passed, not compared, warned, failed or not run."""
    results: dict[dg.AssetKey, dict[str, str]] = {}
    checks = sorted(graph.asset_check_keys)
    evaluations = latest_evaluations(instance, checks, materialized)
    for key in checks:
        outcome = outcome_of(evaluations[key]) if key in evaluations else outcome_without_evaluation(key)
        results.setdefault(key.asset_key, {})[key.name] = outcome
    return results


def _describe_checks(outcomes: dict[str, str]) -> str:
    parts = []
    for outcome, colour in (("passed", "green"), (NOT_RUN, "yellow")):
        if number := sum(result == outcome for result in outcomes.values()):
            parts.append(f"[{colour}]{number} {outcome}[/{colour}]")
    for outcome, colour in (("warned", "yellow"), ("failed", "red")):
        names = [name for name, result in outcomes.items() if result == outcome]
        if names:
            parts.append(f"[{colour}]{outcome}: {', '.join(names)}[/{colour}]")
    # Checks that had nothing to compare with are counted in the caption.
    return ", ".join(parts) or (NOT_COMPARED if outcomes else "")
