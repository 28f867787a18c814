"""The command `notmnist`: run, status, verify, show, report, export.

Belongs here: arguments and exit codes. Exit code 1: a run failed, or what was asked for is not there or
has no place to go; 2: a setting or an argument is wrong.
"""

import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from notmnist_assets.cli.export import ExportName, deliver, deliver_report
from notmnist_assets.curation.core.errors import CurationError, disk_trouble
from notmnist_assets.curation.core.wording import counted
from notmnist_assets.settings.model import SettingsError, read_settings
from notmnist_assets.storage.store import ValueStore

_app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
_console = Console()
_errors = Console(stderr=True)


@contextmanager
def _loading() -> Iterator[None]:
    """Import Dagster without looking for cycles: its 300,000 objects stay as long as the program."""
    if "dagster" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


@_app.callback()
def _explain() -> None:
    """Trustworthy datasets from the notMNIST archives."""


@_app.command()
def run(
    assets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ASSET]...", help="Make only these again: keys, or what keys begin with (letters/small)."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Make all assets again, changed or not.")] = False,
) -> None:
    """Make what is missing or out of date, from the archives to the report."""
    settings = read_settings()
    # Dagster takes a second to import: not before the settings are known to be right.
    with _loading():
        from notmnist_assets.cli import execution, terminal
        from notmnist_assets.definitions import DECLARATIONS, build_definitions
        from notmnist_assets.runs.instance import open_instance

    with open_instance() as instance:
        try:
            with terminal.progress_bars(_errors):
                outcome = execution.refresh(instance, everything=everything, only=assets or ())
        except CurationError as error:
            _errors.print(f"[red]Not started:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
            raise typer.Exit(1) from None
        if not outcome.made and not outcome.held:
            _console.print("Nothing to do: the archives are unchanged, and so is everything made from them.")
            return
        if outcome.success:
            _console.print(terminal.assets_table(build_definitions(settings), instance, settings.profile))
            _console.print(terminal.findings_table(DECLARATIONS.values(), instance, settings.profile))
            _console.print(f"[green]Done:[/green] {counted(len(outcome.made), 'asset')} made.")
            return
        made = len(execution.made_in(instance, outcome.run_ids))
    for key, reason in outcome.held.items():
        _errors.print(f"{key.to_user_string()} waits: {reason}.", markup=False, highlight=False, soft_wrap=True)
    for step, reason in outcome.failures.items():
        _errors.print(f"[red]{step} failed:[/red] {escape(reason)}", highlight=False, soft_wrap=True)
    _errors.print(f"{counted(made, 'asset')} made; what waits or failed, and what depends on it, is as before.")
    raise typer.Exit(1)


@_app.command()
def status() -> None:
    """Show all assets with rows, age and checks, the main findings, and which assets are out of date and why."""
    settings = read_settings()
    with _loading():
        from notmnist_assets.cli import terminal
        from notmnist_assets.definitions import DECLARATIONS, build_definitions
        from notmnist_assets.runs.instance import open_instance
        from notmnist_assets.staleness import plan

    with open_instance() as instance:
        _console.print(f"profile {settings.profile}, stored in {settings.storage}", markup=False, soft_wrap=True)
        _console.print(terminal.assets_table(build_definitions(settings), instance, settings.profile))
        _console.print(terminal.findings_table(DECLARATIONS.values(), instance, settings.profile))
        stale, blocked = plan.plan_refresh(build_definitions(settings).resolve_asset_graph(), instance, settings)
    for state, reasons in (("out of date", stale), ("blocked", blocked)):
        for line in plan.grouped_reasons(reasons):
            _console.print(f"{state}: {line}", markup=False, highlight=False, soft_wrap=True)
    if not stale and not blocked:
        _console.print("Everything is up to date.")


@_app.command()
def verify(
    record: Annotated[
        bool,
        typer.Option(
            "--record", help="Accept values that an earlier release stored without digests, and record digests of them."
        ),
    ] = False,
) -> None:
    """Read all stored files and compare them with the digests that were recorded when they were written."""
    settings = read_settings()
    with _loading():
        from notmnist_assets.cli.verification import verify_values
        from notmnist_assets.definitions import build_definitions

    assets = [key.to_user_string() for key in build_definitions(settings).resolve_asset_graph().toposorted_asset_keys]
    unusable = 0
    for found in verify_values(ValueStore(settings.storage_root), assets, record=record):
        unusable += not found.is_usable
        line = f"{found.state.value:<8}  {found.asset}: {found.detail}"
        _console.print(line, markup=False, highlight=False, soft_wrap=True)
    if unusable:
        _errors.print(f"{counted(unusable, 'asset')} cannot be used; their lines say what to do.", highlight=False)
        raise typer.Exit(1)


@_app.command()
def export(
    name: Annotated[ExportName, typer.Argument(help="Which export.")],
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="Path of the copy: a file, or a folder.")],
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Copy an export: pickle and npz are a file, idx and parquet a folder."""
    store = ValueStore(read_settings().storage_root)
    try:
        delivered = deliver(store, name, destination, force=force)
    except CurationError as error:
        _errors.print(f"[red]Not exported:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    _console.print(f"exports/{name} is in {delivered}", markup=False, highlight=False, soft_wrap=True)


@_app.command()
def show(
    asset: Annotated[str, typer.Argument(help="Key of the asset, such as letters/small/A or overlap/report.")],
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write its pictures there as PNG files.")
    ] = None,
) -> None:
    """Show an asset: its numbers, tables, checks, files and pictures."""
    settings = read_settings()
    folder = None if pictures is None else pictures.expanduser().absolute()
    with _loading():
        from notmnist_assets.cli import inspection, show
        from notmnist_assets.definitions import build_definitions
        from notmnist_assets.runs.instance import open_instance

    store = ValueStore(settings.storage_root)
    try:
        with open_instance() as instance:
            found = inspection.inspect_asset(build_definitions(settings), instance, store, asset, settings.profile)
        written = inspection.write_pictures(found, folder) if folder else []
        show.show(_console, found)
        for path in written:
            _console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
    except CurationError as error:
        _errors.print(f"[red]Not shown:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


@_app.command()
def report(
    destination: Annotated[
        Path, typer.Argument(metavar="DEST", help="Path of the copy, or a folder to put it into.")
    ] = Path("report.html"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Copy the report: one HTML page with all that a reviewer wants, to be opened in any browser."""
    store = ValueStore(read_settings().storage_root)
    try:
        delivered = deliver_report(store, destination, force=force)
    except CurationError as error:
        _errors.print(f"[red]Not copied:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    _console.print(f"The report is in {delivered}", markup=False, highlight=False, soft_wrap=True)


@_app.command(hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def render() -> None:
    """Say which command renders letters now."""
    typer.echo("Letters are rendered by a developer's tool in the repository: uv run python -m tools.render", err=True)
    raise typer.Exit(2)


def main() -> None:
    """Run the command; bad input and a wrong setting end it with their explanation."""
    # As Ctrl-C does, a request to end and a closed terminal let commands take away what they had begun.
    ends = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda received, _frame: sys.exit(128 + received)) for number in ends}
    try:
        _app()
    except SettingsError as error:
        _errors.print(f"[red]Wrong setting:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None
    except CurationError as error:
        _errors.print(f"[red]Not possible:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise SystemExit(1) from None
    except OSError as error:
        trouble = disk_trouble(error)
        if trouble is None:
            raise
        _errors.print(f"[red]Not possible:[/red] {escape(str(trouble))}", highlight=False, soft_wrap=True)
        raise SystemExit(1) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
