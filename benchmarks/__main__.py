"""The command `python -m benchmarks`: renders archives, runs both ways in turns, prints and stores their costs."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import assignment, ours, peers, plot, report
from benchmarks.measure import Stage, StageFailedError, measure
from benchmarks.place import Place, Size
from notmnist_assets.curation.core.images import SETS
from tools.render import is_rendered, render_archives

_RESULTS = Path(__file__).resolve().parent / "results"
_WARM_UP = "60"
_SIZES = ["1/16"]
_GRAPH = (*report.WHOLES, "nothing to do")
_WIDTH = 140
_console = Console()
if not _console.is_terminal:
    _console.width = _WIDTH  # files and pipes have no width


def benchmark(
    size: Annotated[
        list[str], typer.Option(help="1/16, 1/4, full, or files per letter of the large archive; may be repeated.")
    ] = _SIZES,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each stage. The results are medians.")] = 3,
    assignment_runs: Annotated[
        int | None,
        typer.Option(min=0, help="Runs of the assignment's stages, if fewer: at full size one takes 6 minutes."),
    ] = None,
    archives: Annotated[
        Path | None, typer.Option(help="Folder with rendered archives; requires a single size.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the CSV files and the plot.")] = _RESULTS,
    work: Annotated[
        Path | None, typer.Option(help="Folder for the output of the stages, 5 GB at full size. Temporary by default.")
    ] = None,
    with_peers: Annotated[
        bool, typer.Option("--peers", help="Also compare the duplicate searches of imagededup and cleanvision.")
    ] = False,
    graph: Annotated[bool, typer.Option(help="Also run the whole graph with notmnist run.")] = True,
    warm_up: Annotated[bool, typer.Option(help="Compile and load everything once before the measurements.")] = True,
) -> None:
    """Measure time, CPU time and peak memory of each stage of this project and of the assignment's notebook."""
    try:
        sizes = sorted({Size.from_name(name) for name in size}, key=lambda chosen: chosen.large)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if archives and len(sizes) > 1:
        raise typer.BadParameter("--archives requires a single --size")
    if archives and not all(Place(archives, archives, {}).archive(set_name).is_file() for set_name in SETS):
        remedy = f"Render them with python -m tools.render --out {archives}"
        raise typer.BadParameter(f"{archives} does not contain both archives. {remedy}")
    work = work.absolute() if work else None
    for needed in filter(None, (out, work)):
        needed.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="notmnist-benchmark-", dir=work) as folder:
        stages_only = {name: stage for name, stage in ours.STAGES.items() if name not in _GRAPH}
        if warm_up:
            tiny = Size.from_name(_WARM_UP)
            _run_both(_prepare_archives(tiny, None, out), tiny, Path(folder), 1, 0, stages_only, [])
        measured: list[report.Run] = []
        for chosen in sizes:
            rendered = _prepare_archives(chosen, archives, out)
            repeats = runs if assignment_runs is None else assignment_runs
            our_stages = ours.STAGES if graph else stages_only
            try:
                _run_both(rendered, chosen, Path(folder), runs, repeats, our_stages, measured)
            finally:  # a stage that fails must not discard hours of measurements
                report.store({"runs": report.runs_table(measured)}, out)
            if with_peers:
                _compare_peers(_create_place(rendered, chosen, Path(folder), "ours"), chosen, out)
            shutil.rmtree(Path(folder) / chosen.folder)
    runs_table = report.runs_table(measured)
    table = report.summary(runs_table)
    report.show(table, _console)
    profile = report.profile(runs_table)
    report.show_profile(profile, _console)
    report.store({"runs": runs_table, "summary": table, "profile": profile}, out)
    plot.plot_summary(table, out / "benchmark.png")
    _console.print(f"runs.csv, summary.csv, profile.csv and benchmark.png are in {out}", markup=False, soft_wrap=True)
    if (table["same"] == False).any():  # noqa: E712 - a column of True, False and None
        _console.print("[red]The results of the two ways differ: see the column same in runs.csv.[/red]")
        raise typer.Exit(1)


def _prepare_archives(size: Size, archives: Path | None, out: Path) -> Path:
    """Return a folder with archives of this size; render them unless a folder is given."""
    if archives:
        return archives.absolute()
    folder = out.absolute() / "archives" / size.folder
    if not is_rendered(folder, large_per_letter=size.large, small_per_letter=size.small):
        with _console.status(f"rendering 2 x 10 letters of size {size.name}"):
            # Only the benchmark writes to this folder.
            render_archives(folder, large_per_letter=size.large, small_per_letter=size.small, force=True)
    return folder


def _create_place(rendered: Path, size: Size, work: Path, way: str) -> Place:
    place = Place(rendered, work / size.folder / way, size.splits)
    place.work.mkdir(parents=True, exist_ok=True)
    return place


def _run_both(
    rendered: Path,
    size: Size,
    work: Path,
    runs: int,
    assignment_runs: int,
    our_stages: dict[str, Stage],
    measured: list[report.Run],
) -> None:
    """Run each stage of this project, then the same stage of the assignment, then the next stage; repeat `runs` times.

    Each run is appended to `measured` at once, so that earlier runs are kept if a stage fails.
    """
    ways = {"ours": our_stages, "assignment": assignment.STAGES}
    repeats = {"ours": runs, "assignment": assignment_runs}
    for number in range(1, max(repeats.values()) + 1):
        for name in our_stages:
            for way, stages in ways.items():
                if name not in stages or number > repeats[way]:
                    continue
                stage = stages[name]
                with _console.status(f"size {size.name}, run {number}: {name}, {way}"):
                    measurement = measure(stage.__module__, stage.__name__, _create_place(rendered, size, work, way))
                measured.append(report.Run(size.name, 10 * (size.large + size.small), way, name, number, measurement))


def _compare_peers(place: Place, size: Size, out: Path) -> None:
    measured = {}
    for name, stage in peers.installed_searches().items():
        with _console.status(f"duplicate search: {name}"):
            try:
                measured[name] = measure(stage.__module__, stage.__name__, place)
            except StageFailedError as error:
                _console.print(f"{name} failed and is omitted: {str(error).splitlines()[-1]}", markup=False)
    table = peers.comparison(place, measured)
    report.show_peers(table, _console, f"size {size.name}: pairs of rows at most {peers.RADIUS:g} apart")
    report.store({f"peers_{size.folder}": table}, out)


if __name__ == "__main__":
    typer.run(benchmark)
