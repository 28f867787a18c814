"""Reads a stored gallery back, to compare what it shows with the stored values."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from notmnist_assets.curation.reading.files import rejected_files

_REFERENCE: Final = re.compile(r"""\b(?:src|href|action|srcset)\s*=\s*["']?([^"'>\s]{1,80})""")
_DATA: Final = 'id="data">'


def gallery_differences(page: str, removed: pd.DataFrame, files: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence per difference between a page and the values, and per reference to another file or address.

    Args:
        page: the HTML text.
        removed: the rows that sanitizing removed.
        files: readable, rejected and other files, as `files_table` returns them.

    Raises:
        ValueError: the page is not one that `gallery_page` returns.
    """
    markup, found, rest = page.partition(_DATA)
    if not found:
        raise ValueError("it has no data")
    for address in _REFERENCE.findall(markup):
        if not address.startswith("data:"):
            yield f"the page refers to {address}"
    facts = json.loads(rest.partition("</script>")[0])
    items = facts["items"]
    for kind, expected in (("removed", len(removed)), ("rejected", len(rejected_files(files)))):
        if items[kind]["total"] != expected:
            yield f"the page counts {items[kind]['total']} items of {kind}, expected {expected}"
    expected_rows = {
        (str(split), int(row), str(reason))
        for split, row, reason in zip(removed["split"], removed["row"], removed["reason"], strict=True)
    }
    unknown = len(set(_removed_rows(facts)) - expected_rows)
    if unknown:
        yield f"{unknown} removed rows on the page were not removed, or for another reason"


def _removed_rows(facts: dict[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Yield split, row and reason of the removed rows that the page shows."""
    items, rows = facts["items"]["removed"], facts["rows"]
    starts = np.cumsum([0, *items["sizes"]])[:-1]
    for start, reason in zip(starts.tolist(), items["reason"], strict=True):
        row = items["rows"][start]
        yield facts["splits"][rows["split"][row]], rows["row"][row], items["texts"]["reason"][reason]
