"""Letters A to J rendered by ourselves, as hard as notMNIST, with faults planted and listed.

From freely licensed fonts that our dependencies ship, deterministic to the byte, at any size, as the same two
archives that the original comes in. The flow: `randomness` → `planting` (what each file shows) → `fonts` →
`warping` → `effects` → `framing` (its pixels, joined by `rendering`) → `members` → `archives`, and
`ground_truth`.
"""

from pathlib import Path

from notmnist_assets.sources.sample.recipe import SEED, fingerprint

__all__ = ["fingerprint", "is_rendered", "render_archives"]


def render_archives(
    destination: Path, *, large_per_letter: int, small_per_letter: int, seed: int = SEED, workers: int = 2
) -> None:
    """Render a sample into `destination`; see `archives.render_archives`."""
    from notmnist_assets.sources.sample import archives

    archives.render_archives(
        destination,
        large_per_letter=large_per_letter,
        small_per_letter=small_per_letter,
        seed=seed,
        workers=workers,
    )


def is_rendered(destination: Path, *, large_per_letter: int, small_per_letter: int, seed: int = SEED) -> bool:
    """Tell whether `destination` holds that sample already; see `archives.is_rendered`."""
    from notmnist_assets.sources.sample import archives

    return archives.is_rendered(
        destination, large_per_letter=large_per_letter, small_per_letter=small_per_letter, seed=seed
    )
