"""Curates datasets from the notMNIST archives as a Dagster asset graph.

`notmnist_assets.curation` is the numeric library, without Dagster. The other packages define, store, check and describe
its results as assets. Importing this package imports neither Dagster nor pandas.

    >>> from notmnist_assets import load_split
    >>> images, labels = load_split("sanitized/test")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notmnist_assets.loading import load_split

__all__ = ["load_split"]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from notmnist_assets import loading

    return getattr(loading, name)
