"""`python -m tools.render.sample`: renders the sample of the package again, into the package.

The results in the README and every stored value of the profile `sample` depend on these files, and different versions
of Pillow and FreeType render different pixels. Run this only to change the sample on purpose, commit the files, and
replace the results in the README by those of `make demo`.
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
