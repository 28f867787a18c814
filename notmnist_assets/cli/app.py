"""The command `notmnist`: its arguments, messages and exit codes.

Exit code 1: a run or an examination of `doctor` failed, or something is not stored or cannot be written. Exit code 2:
a setting or an argument is wrong. Exit code 130: Ctrl-C.
"""

import logging
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from notmnist_assets.cli.export import ExportName, deliver, deliver_gallery, deliver_report, stored_gallery
from notmnist_assets.cli.interrupts import INTERRUPTED, interrupts_spare_children, signals_raise_exit
from notmnist_assets.cli.start import no_garbage_collection
from notmnist_assets.curation.core.errors import CurationError, disk_error
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.settings.deployment import SettingsError
from notmnist_assets.settings.model import read_settings
from notmnist_assets.storage.store import ValueStore

_app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for _stream in (sys.stdout, sys.stderr):
    # Names may have letters that the encoding of the terminal lacks.
    if isinstance(_stream, TextIOWrapper):
        _stream.reconfigure(errors="backslashreplace")
_console = Console()
_errors = Console(stderr=True)


@contextmanager
def _bad_input_ends(words: str) -> Iterator[None]:
    """Print an error of bad input after these words, and exit with code 1."""
    try:
        yield
    except CurationError as error:
        _errors.print(f"[red]{words}:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _print_version(wanted: bool) -> None:
    if wanted:
        _console.print(f"notmnist_assets {version('notmnist_assets')}", highlight=False)
        raise typer.Exit


@_app.callback()
def _describe(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Curate datasets from the notMNIST archives: materialize, inspect and export the assets."""


@_app.command(epilog="Example: notmnist run letters/small splits/test")
def run(
    assets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ASSET",
            help="Materialize only these, stale or not: keys, or their first parts such as letters/small.",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Materialize all assets, stale or not.")] = False,
) -> None:
    """Materialize what is missing or out of date, from the archives to the report."""
    settings = read_settings()
    # Importing Dagster takes a second, so the settings are validated before.
    with no_garbage_collection():
        from notmnist_assets.cli import execution, terminal
        from notmnist_assets.definitions import DECLARATIONS, build_definitions
        from notmnist_assets.runs.instance import open_instance
        from notmnist_assets.runs.sqlite_history import keep_history_open

    with open_instance() as instance, keep_history_open(instance):
        try:
            with (
                _bad_input_ends("Not started"),
                interrupts_spare_children() as interrupted,
                terminal.progress_bars(_errors),
            ):
                outcome = execution.refresh(
                    instance, everything=everything, only=assets or (), print_assets=not _errors.is_terminal
                )
        except SystemExit:
            if interrupted():
                raise typer.Exit(INTERRUPTED) from None
            raise
        if not outcome.made and not outcome.blocked and not outcome.checked:
            _console.print("Nothing to do: the archives are unchanged, and all assets are up to date.")
            return
        if outcome.success:
            _console.print(terminal.assets_table(build_definitions(settings), instance, settings.profile))
            _console.print(*terminal.findings(DECLARATIONS.values(), instance, settings.profile), sep="\n")
            checked = f", {counted(len(outcome.checked), 'check')} run" if outcome.checked else ""
            _console.print(f"[green]Done:[/green] {counted(len(outcome.made), 'asset')} materialized{checked}.")
            return
        made = counted(len(execution.materialized_in(instance, outcome.run_ids)), "asset")
    if interrupted():
        _errors.print(f"Interrupted: {made} materialized; notmnist run materializes the others.", highlight=False)
        raise typer.Exit(INTERRUPTED)
    for line in terminal.failures(outcome.blocked, outcome.failures):
        _errors.print(line, highlight=False, soft_wrap=True)
    _errors.print(
        f"{made} materialized; blocked and failed assets and everything downstream keep their previous values.",
        highlight=False,
        soft_wrap=True,
    )
    raise typer.Exit(1)


@_app.command(epilog="Example: NOTMNIST_PROFILE=full notmnist status")
def status() -> None:
    """List all assets with rows, time and check results, the main findings, and what is out of date and why."""
    settings = read_settings()
    with no_garbage_collection():
        from notmnist_assets.cli import terminal
        from notmnist_assets.definitions import DECLARATIONS, build_definitions
        from notmnist_assets.runs.instance import open_instance
        from notmnist_assets.staleness import plan

    with open_instance() as instance:
        _console.print(f"profile {settings.profile}, stored in {settings.storage}", markup=False, soft_wrap=True)
        _console.print(terminal.assets_table(build_definitions(settings), instance, settings.profile))
        _console.print(*terminal.findings(DECLARATIONS.values(), instance, settings.profile), sep="\n")
        stale, blocked = plan.plan_refresh(build_definitions(settings).resolve_asset_graph(), instance, settings)
    for state, reasons in (("out of date", stale), ("blocked", blocked)):
        for line in plan.grouped_reasons(reasons):
            _console.print(f"{state}: {line}", markup=False, highlight=False, soft_wrap=True)
    if not stale and not blocked:
        _console.print("Everything is up to date.")


@_app.command(epilog="Example, for monitoring: notmnist doctor --quick || alert")
def doctor(
    quick: Annotated[
        bool, typer.Option("--quick", help="Compare only the sizes of stored files, without reading them.")
    ] = False,
) -> None:
    """Check history, daemon, automation, storage, source, disk space and packages; exit code 1 if a line is "fail"."""
    settings = read_settings()
    with no_garbage_collection():
        from notmnist_assets.cli.doctor import Level, examine

    colours = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
    failed = False
    for finding in examine(settings, quick=quick):
        failed = failed or finding.level is Level.FAIL
        colour = colours[finding.level]
        line = f"[{colour}]{finding.level.value:<4}[/{colour}]  {escape(f'{finding.subject}: {finding.detail}')}"
        _console.print(line, highlight=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


@_app.command(epilog="Example: notmnist verify")
def verify(
    record: Annotated[
        bool,
        typer.Option(
            "--record", help="Accept values that an earlier release stored without digests, and record their digests."
        ),
    ] = False,
) -> None:
    """Read all stored files and compare them with their digests; exit code 1 if a value is damaged."""
    settings = read_settings()
    with no_garbage_collection():
        from notmnist_assets.cli.verification import verify_values
        from notmnist_assets.definitions import build_definitions
        from notmnist_assets.staleness.plan import assets_in_order

    graph = build_definitions(settings).resolve_asset_graph()
    assets = [key.to_user_string() for key in assets_in_order(graph)]
    unusable = 0
    for result in verify_values(ValueStore(settings.storage_root), assets, record=record):
        unusable += not result.is_usable
        line = f"{result.state.value:<8}  {result.asset}: {result.detail}"
        _console.print(line, markup=False, highlight=False, soft_wrap=True)
    if unusable:
        _errors.print(f"{counted(unusable, 'asset')} cannot be loaded; each line gives the remedy.", highlight=False)
        raise typer.Exit(1)


@_app.command(epilog="Example: notmnist export npz ../notmnist.npz")
def export(
    name: Annotated[ExportName, typer.Argument(metavar="NAME", help="The export.")],
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="Path of the copy: a file or a folder.")],
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
) -> None:
    """Copy an export: pickle and npz are files, idx and parquet are folders."""
    store = ValueStore(read_settings().storage_root)
    with _bad_input_ends("Not exported"):
        delivered = deliver(store, name, destination, force=force)
    _console.print(f"exports/{name} is in {delivered}", markup=False, highlight=False, soft_wrap=True)


@_app.command(epilog="Example: notmnist show overlap/report --pictures pictures")
def show(
    asset: Annotated[
        str, typer.Argument(metavar="ASSET", help="Key of the asset, such as letters/small/A or overlap/report.")
    ],
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write its pictures to this folder as PNG files.")
    ] = None,
) -> None:
    """Show an asset: its numbers, tables, checks, files and pictures."""
    settings = read_settings()
    folder = None if pictures is None else pictures.expanduser().absolute()
    with no_garbage_collection():
        from notmnist_assets.cli import inspection, show
        from notmnist_assets.definitions import build_definitions
        from notmnist_assets.runs.instance import open_instance

    store = ValueStore(settings.storage_root)
    with _bad_input_ends("Not shown"):
        with open_instance() as instance:
            found = inspection.inspect_asset(build_definitions(settings), instance, store, asset, settings.profile)
        written = inspection.write_pictures(found, folder) if folder else []
        show.show(_console, found)
        for path in written:
            _console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)


@_app.command(epilog="Example: notmnist report ../report.html --force")
def report(
    destination: Annotated[
        Path, typer.Argument(metavar="DEST", help="Path of the copy, or an existing folder.")
    ] = Path("report.html"),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Copy the report with the results of all checks: one HTML page with everything a reviewer needs."""
    settings = read_settings()
    with no_garbage_collection():
        from notmnist_assets.assets.report import CONTENTS
        from notmnist_assets.cli.inspection import check_lines
        from notmnist_assets.definitions import build_definitions
        from notmnist_assets.runs.instance import open_instance

    checks = []
    try:
        with open_instance() as instance:
            checks = check_lines(build_definitions(settings), instance, [one.asset_key for one in CONTENTS])
    except CurationError as error:
        _errors.print(f"Without the results of checks: {escape(str(error))}", highlight=False, soft_wrap=True)
    with _bad_input_ends("Not copied"):
        delivered = deliver_report(ValueStore(settings.storage_root), destination, force=force, checks=checks)
    _console.print(f"The report is in {delivered}", markup=False, highlight=False, soft_wrap=True)


@_app.command(epilog="Example: notmnist gallery ../gallery.html --force")
def gallery(
    destination: Annotated[
        Path | None,
        typer.Argument(metavar="DEST", help="Copy it there instead: a path, or an existing folder."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Open the gallery in the browser: duplicates, removed rows, label issues and rejected files as pictures."""
    store = ValueStore(read_settings().storage_root)
    with _bad_input_ends("Not opened"):
        path = stored_gallery(store) if destination is None else deliver_gallery(store, destination, force=force)
    _console.print(f"The gallery is in {path}", markup=False, highlight=False, soft_wrap=True)
    if destination is None and _console.is_terminal:
        webbrowser.open(path.absolute().as_uri())


@_app.command(hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def render() -> None:
    """Name the command that renders letters since this one was removed."""
    typer.echo("Letters are rendered by a developer's tool in the repository: uv run python -m tools.render", err=True)
    raise typer.Exit(2)


def main() -> None:
    """Run the command; wrong settings and bad input end it with a message instead of a traceback."""
    # SQLAlchemy logs a traceback of the exit that a signal raises while a connection to the history is closed.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    try:
        with signals_raise_exit():
            _app()
    except SettingsError as error:
        _errors.print(f"[red]Wrong setting:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None
    except (CurationError, OSError) as error:
        trouble = disk_error(error) if isinstance(error, OSError) else error
        if trouble is None:
            raise
        _errors.print(f"[red]Not possible:[/red] {escape(str(trouble))}", highlight=False, soft_wrap=True)
        raise SystemExit(1) from None
