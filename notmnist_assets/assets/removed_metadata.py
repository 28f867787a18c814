"""Describes `sanitized/removed`: its columns and, in its metadata, counts by reason and letter, a sample, pictures."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.sampling import sample_groups
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.examples import removed_pairs
from notmnist_assets.curation.duplicates.row_index import RowIndex
from notmnist_assets.curation.sanitizing.decision import REASONS, Policy, Sanitizing
from notmnist_assets.curation.sanitizing.overrides import ACTIONS, OverrideList
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.curation.summaries.results import removed_summary
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import asset_page, exhibits, table

_DECISION: Final[Sources] = {
    "hashes/*": ("label", "exact", "cells"),
    "overlap/near_pairs": ("exact_a", "exact_b", "distance"),
    "overlap/radius": ("radius", "chosen"),
}
REMOVED_COLUMNS: Final = {
    "split": Column("string", "split the row was removed from"),
    "row": Column("int64", "row number in that split", {"hashes/*": ("row",)}),
    "reason": Column("string", f"the first that applies: {', '.join(REASONS)}", _DECISION),
    "collides_split": Column("string", "split of the row it collides with", _DECISION),
    "collides_row": Column("int64", "row it collides with", {**_DECISION, "hashes/*": ("row", *_DECISION["hashes/*"])}),
    "distance": Column("float64", "L1 distance of the two in units of 255; NaN if only the cells are equal", _DECISION),
}
_REMOVED_SAMPLE = {
    **{name: column.description for name, column in REMOVED_COLUMNS.items()},
    "letter": "letter of the removed row",
    "collides_with": "split, row and letter of the row it collides with",
    "font": "font of the removed row, decoded from the file name",
    "name": "file name of the removed row",
}
_HEADS = {
    **{f"also in {name}": f"in {name}" for name in SPLITS},
    "conflicting letters": "letters",
}
"""Column heads of reasons, short enough for the table on the asset's page; the others are short already."""
_COUNTS = {
    **{_HEADS.get(reason, reason): f"rows removed because {meaning}" for reason, meaning in REASONS.items()},
    "removed": "rows removed",
    "left": "rows kept",
}
_BY_LETTER = {
    "split": "split before sanitizing",
    "letter": "letter of the rows",
    "before": "rows before sanitizing",
    "removed": "rows removed",
    "share": "rows removed over rows before",
    "main_reason": "most frequent reason",
    "by_main_reason": "rows removed for this reason",
}
_SAMPLE_ROWS = 20
_PICTURED_PAIRS = 3
"""Pictured rows of each reason."""


def _override_counts(overrides: OverrideList | None, outcome: Sanitizing) -> dict[str, int]:
    """Return the number of rows of each decision, and of rows to keep that are removed because they leak."""
    if overrides is None:
        return {}
    counts = Counter(one.action for one in overrides.entries)
    return {
        **{f"overrides: {action}": counts[action] for action in ACTIONS},
        "overrides: leaks that are not kept": outcome.leaks_to_keep,
    }


def removed_metadata(
    splits: Mapping[str, Split],
    index: RowIndex,
    outcome: Sanitizing,
    policy: Policy,
    lost: Mapping[str, pd.DataFrame],
    overrides: OverrideList | None,
) -> dict[str, Any]:
    """Return counts, a sample and pictures of the removed rows."""
    removed = outcome.removed
    counts = pd.crosstab(removed["split"], removed["reason"]).reindex(index=SPLITS, columns=list(REASONS), fill_value=0)
    by_split = counts.sum(axis=1)
    before = pd.Series({name: len(splits[name]) for name in SPLITS})
    counts = counts.assign(removed=by_split, left=before - by_split)
    by_letter = pd.concat([lost[name].assign(split=name) for name in SPLITS]).query("removed > 0")[list(_BY_LETTER)]
    return asset_page(
        removed_summary({name: len(split) for name, split in splits.items()}, removed),
        picture={
            "pictures": exhibits(
                removed_pairs(index, splits, removed, _PICTURED_PAIRS),
                "removed row, row it collides with, amplified difference; font and file of both; one row of each"
                " duplicate group",
            )
        },
        numbers={
            "rows": len(removed),
            **{f"removed: {name}": int(by_split[name]) for name in SPLITS},
            **_override_counts(overrides, outcome),
        },
        facts={
            "policy": (
                f"method {policy.method}, remove from {policy.remove_from}, conflicts {policy.conflicts},"
                f" repeats {policy.repeats}"
            )
        },
        tables={
            "counts": table(counts.rename(columns=_HEADS).rename_axis("split").reset_index(), _COUNTS),
            "by_letter": table(
                by_letter.sort_values("share", ascending=False, kind="stable"), _BY_LETTER, shares=("share",)
            ),
            "sample_rows": table(_sample_of_removed(splits, removed), _REMOVED_SAMPLE),
        },
    )


def _sample_of_removed(splits: Mapping[str, Split], removed: pd.DataFrame) -> pd.DataFrame:
    """Return evenly spaced removed rows of each split and reason, with their letters and file names."""
    groups = [np.asarray(rows, np.intp) for rows in removed.groupby(["split", "reason"]).indices.values()]
    sample = removed.iloc[sample_groups(groups, _SAMPLE_ROWS)]
    sources = [splits[split].sources.iloc[row] for split, row in zip(sample["split"], sample["row"], strict=True)]
    collides_with = [
        f"{split} {row} {LETTERS[splits[split].labels[row]]}"
        for split, row in zip(sample["collides_split"], sample["collides_row"], strict=True)
    ]
    return pd.DataFrame(
        {
            **sample[["split", "row"]],
            "letter": pd.Series([source["letter"] for source in sources], sample.index, "str"),
            "reason": sample["reason"],
            "collides_with": pd.Series(collides_with, sample.index, "str"),
            "distance": sample["distance"],
            "font": pd.Series([source["font"] for source in sources], sample.index, "str"),
            "name": pd.Series([source["name"] for source in sources], sample.index, "str"),
        }
    )
