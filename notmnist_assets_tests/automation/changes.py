"""Changes of the tiny archives that the tests of automation share.

Belongs here: writing another archive in place of the first one.
"""

import numpy as np

from notmnist_assets_tests.archives import glyph, png, tiny_members, write_archive
from notmnist_assets_tests.workspace import Workspace


def change_a_letter(workspace: Workspace) -> None:
    """Give one image of the small letter C other pixels."""
    small = tiny_members()["small"]
    small["C"][next(iter(small["C"]))] = png(glyph("C", np.random.default_rng(99)))
    write_archive(workspace.archives, "small", small)
