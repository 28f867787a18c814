"""`sanitized/train`, `/valid`, `/test` and `sanitized/removed`: splits without leaks, repeats and contradictions.

Belongs here: wiring the policy to the decision and telling what it did. The rules are in `curation.sanitizing`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.assets.inputs import hash_inputs, hashes_of, split_inputs, splits_of, table_input
from notmnist_assets.assets.outputs import split_outputs
from notmnist_assets.curation.evidence import removed_pairs
from notmnist_assets.curation.images import LETTERS
from notmnist_assets.curation.near_table import chosen_radius
from notmnist_assets.curation.relation import RowIndex
from notmnist_assets.curation.sampling import evenly_spaced
from notmnist_assets.curation.sanitizing import REASONS, Policy, sanitize
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.statistics import label_counts
from notmnist_assets.curation.values import Split
from notmnist_assets.metadata import contact_sheet_metadata, counts_table, descriptions, exhibits, table
from notmnist_assets.resources import SettingsResource
from notmnist_assets.settings import Settings
from notmnist_assets.types import (
    REMOVED_ROWS,
    NearPairsType,
    RadiusCurveType,
    RemovedRowsType,
    data_version,
)

CODE_VERSION = "1"


def sanitize_policy(chosen: Settings) -> Policy:
    """Return the policy that settings name."""
    return Policy(chosen.sanitize_method, chosen.sanitize_remove, chosen.sanitize_conflicts, chosen.sanitize_repeats)


_DESCRIPTIONS = {
    name: f"splits/{name} without rows that leak into another split, contradict each other about the letter, or repeat."
    " Which rows left, and why, is in sanitized/removed."
    for name in SPLITS
}
_REMOVED = (
    "Every row that sanitizing removed, the first reason that applies, and the nearest row that it collides with. The"
    " rules, in order. Leaks: valid rows whose image is in train leave, and test rows whose image is in train or valid;"
    " with NOTMNIST_SANITIZE_REMOVE=training, train and valid give way and test stays whole. Conflicts: all rows of an"
    " image that carries different letters leave; NOTMNIST_SANITIZE_CONFLICTS can keep the majority's, or all."
    " Repeats: of equal images within a split the first row stays; NOTMNIST_SANITIZE_REPEATS can keep all. For leaks"
    " and conflicts, NOTMNIST_SANITIZE_METHOD says what the same image is: equal pixels (exact), equal 4x4 maxima"
    " (cells), or pixels within the radius (near)."
)
_REMOVED_SAMPLE = {
    **descriptions(REMOVED_ROWS),
    "letter": "the removed row's letter",
    "collides_with": "split, row and letter of what it collides with",
    "font": "the removed row's font, decoded from its file name",
    "name": "the removed row's file name",
}
_HEADS = {
    **{f"also in {name}": f"in {name}" for name in SPLITS},
    "conflicting letters": "letters",
}
"""Reasons by names that fit beside each other on the asset's page; `repeat` is short already."""
_COUNTS = {
    **{f"in {name}": f"rows whose image is also in {name}" for name in SPLITS},
    "letters": "rows whose image also has another letter",
    "repeat": "rows whose image an earlier row of the split has",
    "left": "rows that stay",
}
_SAMPLE_ROWS = 200
_PICTURED_PAIRS = 3
"""Removed rows shown of each reason."""


@dg.multi_asset(
    name="sanitized",
    group_name="sanitized",
    can_subset=True,
    ins={
        **split_inputs("splits"),
        **hash_inputs(),
        "near_pairs": table_input("overlap", "near_pairs", NearPairsType),
        "radius": table_input("overlap", "radius", RadiusCurveType),
    },
    outs={
        **split_outputs("sanitized", CODE_VERSION, _DESCRIPTIONS),
        "removed": dg.AssetOut(
            key=["sanitized", "removed"],
            dagster_type=RemovedRowsType,
            io_manager_key="table_io",
            code_version=CODE_VERSION,
            kinds={"pandas", "parquet"},
            is_required=False,
            metadata={"dagster/column_schema": REMOVED_ROWS},
            description=_REMOVED,
        ),
    },
)
def sanitized(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    **inputs: Any,
) -> Iterator[dg.MaterializeResult[Any]]:
    """Decide which rows stay, then copy them."""
    policy = sanitize_policy(settings.read())
    splits = splits_of(inputs)
    outcome = sanitize(RowIndex(hashes_of(inputs), near_pairs, chosen_radius(radius)), policy)
    for name in SPLITS:
        key = dg.AssetKey(["sanitized", name])
        if key not in context.selected_asset_keys:
            continue
        split = splits[name].take(outcome.kept[name].astype(np.intp))
        counts = label_counts(split.labels).tolist()
        reasons = outcome.removed.loc[outcome.removed["split"] == name, "reason"].value_counts()
        yield dg.MaterializeResult(
            asset_key=key,
            value=split,
            data_version=data_version(split),
            metadata={
                "rows": len(split),
                "removed": len(splits[name]) - len(split),
                **{f"removed: {reason}": int(reasons.get(reason, 0)) for reason in REASONS},
                "method": policy.method,
                "radius": chosen_radius(radius),
                **{
                    f"share: {letter}": count / max(len(split), 1)
                    for letter, count in zip(LETTERS, counts, strict=True)
                },
                "rows_per_letter": counts_table(counts),
                "pictures": contact_sheet_metadata(split.images, f"sanitized/{name}"),
            },
        )
    key = dg.AssetKey(["sanitized", "removed"])
    if key in context.selected_asset_keys:
        yield dg.MaterializeResult(
            asset_key=key,
            value=outcome.removed,
            data_version=data_version(outcome.removed),
            metadata=_told_of_removed(splits, outcome.removed, policy),
        )


def _told_of_removed(splits: Mapping[str, Split], removed: pd.DataFrame, policy: Policy) -> dict[str, Any]:
    """Return what the UI shows of the removed rows: counts, a sample of them and pictures."""
    counts = pd.crosstab(removed["split"], removed["reason"]).reindex(index=SPLITS, columns=REASONS, fill_value=0)
    by_split = counts.sum(axis=1)
    before = pd.Series({name: len(splits[name]) for name in SPLITS})
    counts = counts.assign(removed=by_split, left=before - by_split)
    return {
        "rows": len(removed),
        **{f"removed: {name}": int(by_split[name]) for name in SPLITS},
        "policy": (
            f"method {policy.method}, remove from {policy.remove_from}, conflicts {policy.conflicts},"
            f" repeats {policy.repeats}"
        ),
        "counts": table(counts.rename(columns=_HEADS).rename_axis("split").reset_index(), _COUNTS),
        "sample_rows": table(_sample_of_removed(splits, removed), _REMOVED_SAMPLE),
        "pictures": exhibits(
            removed_pairs(splits, removed, _PICTURED_PAIRS),
            "removed row, the row it collides with, difference amplified",
        ),
    }


def _sample_of_removed(splits: Mapping[str, Split], removed: pd.DataFrame) -> pd.DataFrame:
    """Return rows removed of each split for each reason, evenly spaced, with their letters and file names."""
    groups = [np.asarray(rows, np.intp) for rows in removed.groupby(["split", "reason"]).indices.values()]
    sample = removed.iloc[_some_of_each(groups, _SAMPLE_ROWS)]
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


def _some_of_each(groups: Sequence[npt.NDArray[np.intp]], wanted: int) -> npt.NDArray[np.intp]:
    """Return up to `wanted` rows, ascending: as many of each group, or all of those that have fewer."""
    picked = [np.empty(0, np.intp)]
    for place, rows in enumerate(sorted(groups, key=len)):
        share = (wanted - sum(map(len, picked))) // (len(groups) - place)
        picked.append(rows[evenly_spaced(len(rows), share)])
    return np.sort(np.concatenate(picked))


ASSETS: Sequence[dg.AssetsDefinition] = [sanitized]
