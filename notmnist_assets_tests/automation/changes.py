"""Changes of the tiny archives, and a failed check, for tests of automation."""

import numpy as np

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets_tests.archives import glyph, png, tiny_members, write_archive
from notmnist_assets_tests.workspace import Workspace


def change_a_letter(workspace: Workspace) -> None:
    """Replace one image of the small letter C."""
    small = tiny_members()["small"]
    small["C"][next(iter(small["C"]))] = png(glyph("C", np.random.default_rng(99)))
    write_archive(workspace.archives, "small", small)


def make_letters_that_fail_a_blocking_check(workspace: Workspace) -> None:
    """Materialize the small letters with another C, and fail its blocking check `enough_images`."""
    change_a_letter(workspace)
    assert workspace.run(["archives/small", *(f"letters/small/{letter}" for letter in LETTERS)]).success
    workspace.run_checks("letters/small/C", min_small=1_000)
