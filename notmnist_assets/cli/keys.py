"""Finds assets by the keys that a person types, and suggests similar keys where there are none."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

import dagster as dg

from notmnist_assets.curation.core.errors import CurationError

_MOST: Final = 3


def find_key(keys: Iterable[dg.AssetKey], name: str) -> dg.AssetKey:
    """Return the asset key of a name such as `letters/small/A`.

    Raises:
        CurationError: there is no such asset; the remedy suggests similar keys.
    """
    known = {key.to_user_string(): key for key in keys}
    name = name.strip("/")
    if name not in known:
        raise _unknown(name, list(known))
    return known[name]


def select_keys(keys: Sequence[dg.AssetKey], names: Sequence[str]) -> list[dg.AssetKey]:
    """Return the keys that equal a name or start with its parts, such as `letters/small`; all keys without names.

    Raises:
        CurationError: no key matches a name; the remedy suggests similar keys.
    """
    if not names:
        return list(keys)
    prefixes = {tuple(key.path[:length]) for key in keys for length in range(1, len(key.path) + 1)}
    chosen = {name: tuple(name.strip("/").split("/")) for name in names}
    for name, parts in chosen.items():
        if parts not in prefixes:
            raise _unknown(name, sorted("/".join(prefix) for prefix in prefixes))
    return [key for key in keys if any(tuple(key.path[: len(parts)]) == parts for parts in chosen.values())]


def _unknown(name: str, known: Sequence[str]) -> CurationError:
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = [by_lower[found] for found in get_close_matches(name.lower(), by_lower, n=_MOST, cutoff=0.5)]
    remedy = f"Did you mean {' or '.join(close)}?" if close else "notmnist status lists all assets."
    return CurationError("there is no such asset.", subject=name, remedy=remedy)
