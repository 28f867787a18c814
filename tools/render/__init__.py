"""Renders letters A to J, as difficult as notMNIST, into archives of any size, with planted and listed faults.

The letters come from freely licensed fonts of the dependency group `render`. The archives have the form of the
originals, and the same arguments and library versions give the same bytes.

    uv run python -m tools.render --out ../archives --per-letter 200    # archives of any size
    uv run python -m tools.render.sample                                # the sample that the package ships

The flow: `randomness`, `planting` (content of each file), `fonts`, `warping`, `effects` and `framing` (its pixels,
combined by `rendering`), `members`, `archives` and `ground_truth`.
"""

from tools.render.archives import is_rendered, render_archives
from tools.render.recipe import fingerprint

__all__ = ["fingerprint", "is_rendered", "render_archives"]
