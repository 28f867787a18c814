"""`python -m tools.render.sample`: renders the sample that the package ships again, into the package.

The README's results and every stored value of the profile `sample` follow from these files, and Pillow and FreeType
differ in what they render from version to version. Run this only to change the sample on purpose, commit what it
writes, and replace the results in the README by what `make demo` then finds.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

from notmnist_assets.sources.sample import FILES
from tools.render.__main__ import main as render

LARGE_PER_LETTER: Final = 1_600
SMALL_PER_LETTER: Final = 170


def main(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Another folder, to compare.")] = Path(str(FILES)),
) -> None:
    """Render the sample's archives, checksums, ground truth and recipe."""
    render(out, LARGE_PER_LETTER, SMALL_PER_LETTER)


if __name__ == "__main__":
    typer.run(main)
