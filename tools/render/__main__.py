"""`python -m tools.render`: renders both archives into a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.core.progress import Advance, show_progress_on
from tools.render.archives import render_archives
from tools.render.planting import FEWEST_FONTS, small_for

_console = Console()
_errors = Console(stderr=True)


def main(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for the archives.")],
    per_letter: Annotated[
        int, typer.Option(min=FEWEST_FONTS, help="Files of each letter in the large archive.")
    ] = 1600,
    small_per_letter: Annotated[
        int | None,
        typer.Option(min=FEWEST_FONTS, help="The same for the small archive; by default in the original's proportion."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that render.")] = 2,
    force: Annotated[bool, typer.Option("--force", help="Replace files that this command did not write.")] = False,
) -> None:
    """Render letters into notMNIST_large.tar.gz and notMNIST_small.tar.gz, at any size and in bounded memory."""
    small = small_for(per_letter) if small_per_letter is None else small_per_letter
    try:
        with _progress_bar():
            render_archives(out, large_per_letter=per_letter, small_per_letter=small, workers=workers, force=force)
    except (CurationError, OSError) as error:
        _errors.print(f"[red]Not rendered:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    _console.print(f"Both archives, their checksums and the ground truth are in {out}", markup=False, soft_wrap=True)


@contextmanager
def _progress_bar() -> Iterator[None]:
    """Show the number of rendered images and the remaining time in a terminal."""
    with Progress(console=_errors, disable=not _errors.is_terminal) as bars:

        @contextmanager
        def display(title: str, total: int | None, unit: str) -> Iterator[Advance]:
            task = bars.add_task(f"{title} ({unit})", total=total)
            yield lambda amount: bars.advance(task, amount)

        with show_progress_on(display):
            yield


if __name__ == "__main__":
    typer.run(main)
