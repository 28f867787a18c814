"""Changes of the tiny archives that the tests of automation share.

Belongs here: writing another archive in place of the first one, and letting a check fail.
"""

import numpy as np

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets_tests.archives import glyph, png, tiny_members, write_archive
from notmnist_assets_tests.workspace import Workspace


def change_a_letter(workspace: Workspace) -> None:
    """Give one image of the small letter C other pixels."""
    small = tiny_members()["small"]
    small["C"][next(iter(small["C"]))] = png(glyph("C", np.random.default_rng(99)))
    write_archive(workspace.archives, "small", small)


def make_letters_that_fail_a_blocking_check(workspace: Workspace) -> None:
    """Make the small letters of an archive with another C, and let that be judged to hold too few images."""
    change_a_letter(workspace)
    assert workspace.run(["archives/small", *(f"letters/small/{letter}" for letter in LETTERS)]).success
    workspace.judge("letters/small/C", min_small=1_000)
