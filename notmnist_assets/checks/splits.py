"""Checks of `splits/*`: balanced, shuffled, disjoint in files.

Belongs here: what must hold of the merged splits. That their images overlap is told in `checks.overlap`.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.assets.inputs import for_check, split_inputs
from notmnist_assets.checks.results import judged, only_selected
from notmnist_assets.curation.file_names import file_paths
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.statistics import label_balance, label_counts, shuffle_score
from notmnist_assets.curation.values import FILE_COLUMNS, Split
from notmnist_assets.metadata import counts_table, table

_LARGEST_SHUFFLE_SCORE = 5.0
_KEYS = {name: dg.AssetKey(["splits", name]) for name in SPLITS}


@dg.multi_asset_check(
    name="split_checks",
    specs=[
        *(
            dg.AssetCheckSpec(
                "class_balance",
                asset=key,
                description="Every letter has the same number of rows: the largest count over the smallest is 1.",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                "labels_shuffled",
                asset=key,
                description="Neighbouring rows have equal labels as often as in a random order; in standard errors.",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                "disjoint_sources",
                asset=key,
                blocking=True,
                description="No file (set, letter, name) of this split is in another split, nor twice in this one.",
            )
            for key in _KEYS.values()
        ),
    ],
    ins=for_check(split_inputs("splits")),
    can_subset=True,
)
def split_checks(
    context: dg.AssetCheckExecutionContext, train: Split, valid: Split, test: Split
) -> Iterator[dg.AssetCheckResult]:
    """Check the merged splits."""
    yield from only_selected(context, _judge_splits({"train": train, "valid": valid, "test": test}))


def _judge_splits(splits: Mapping[str, Split]) -> Iterator[dg.AssetCheckResult]:
    files = pd.concat([file_paths(split.sources) for split in splits.values()])
    repeated = files.duplicated(keep=False).to_numpy()
    start = 0
    for name, split in splits.items():
        counts = label_counts(split.labels)
        balance = label_balance(counts)
        yield judged(
            _KEYS[name],
            "class_balance",
            passed=balance.ratio == 1.0,
            actual=balance.words,
            threshold="exactly 1",
            ratio=balance.ratio,
            rows_per_letter=counts_table(counts.tolist()),
        )
        score = shuffle_score(split.labels)
        yield judged(
            _KEYS[name],
            "labels_shuffled",
            passed=abs(score) <= _LARGEST_SHUFFLE_SCORE,
            actual=score,
            threshold=f"at most {_LARGEST_SHUFFLE_SCORE:g} standard errors",
        )
        shared = repeated[start : start + len(split)]
        yield judged(
            _KEYS[name],
            "disjoint_sources",
            passed=not shared.any(),
            actual=int(shared.sum()),
            threshold=0,
            examples=table(split.sources.loc[shared, list(FILE_COLUMNS)].head(20)),
        )
        start += len(split)


CHECKS: Sequence[dg.AssetChecksDefinition] = [split_checks]
