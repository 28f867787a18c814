"""Checks that sanitized and grouped splits have in common: evaluation splits are disjoint, and classes are balanced."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pandas as pd

from notmnist_assets.checks.results import check_result, only_selected
from notmnist_assets.curation.core.statistics import label_balance, label_counts
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.splitting.splits import EARLIER
from notmnist_assets.metadata.display import counts_table, table
from notmnist_assets.settings.deployment import PREFIX

DISJOINT_CHECKS = {
    "no_shared_images": "No row has the pixels of a row of an earlier split.",
    "no_near_duplicates": "No row is within the radius in use of a row of an earlier split. The threshold names it.",
}
CLASS_BALANCE = "class_balance"
CLASS_BALANCE_DESCRIPTION = (
    f"The most frequent letter has at most {PREFIX}LARGEST_IMBALANCE times the rows of the rarest. `thinned_most` in"
    " the metadata of the asset names the letter that lost the largest share of its rows, with the main reason."
)
_COMPARISONS = [(name, other) for name, others in EARLIER.items() for other in others]
_EXAMPLES = 20
_THREADS = 2


def run_selected(
    context: dg.AssetCheckExecutionContext, checks: Iterable[tuple[Collection[str], Iterator[dg.AssetCheckResult]]]
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of selected checks.

    Args:
        context: context with the selected checks.
        checks: check names with a generator of their results. It is not started if none of the names is selected.
    """
    selected = {key.name for key in context.selected_asset_check_keys}
    for names, results in checks:
        if selected.intersection(names):
            yield from only_selected(context, results)


def no_rows_result(key: dg.AssetKey, name: str) -> dg.AssetCheckResult:
    """Return the result of a check that has no rows to compare: a warning, since it proves nothing."""
    return check_result(
        key, name, passed=False, actual="no rows", threshold="at least 1 row", severity=dg.AssetCheckSeverity.WARN
    )


def check_class_balance(
    keys: Mapping[str, dg.AssetKey], splits: Mapping[str, Split], largest_ratio: float
) -> Iterator[dg.AssetCheckResult]:
    """Compare the rows of the most frequent and the rarest letter of each split.

    Args:
        keys: asset key of each split.
        splits: stored splits.
        largest_ratio: a larger ratio is a warning.
    """
    for name, split in splits.items():
        if not len(split):
            yield no_rows_result(keys[name], CLASS_BALANCE)
            continue
        counts = label_counts(split.labels)
        balance = label_balance(counts)
        yield check_result(
            keys[name],
            CLASS_BALANCE,
            passed=balance.ratio <= largest_ratio,
            actual=balance.description,
            threshold=f"at most {largest_ratio:g}",
            severity=dg.AssetCheckSeverity.WARN,
            gallery=f"removed&split={name}" if keys[name].path[0] == "sanitized" else "",
            ratio=balance.ratio,
            rows_per_letter=counts_table(counts.tolist()),
        )


def check_disjoint(
    keys: Mapping[str, dg.AssetKey], splits: Mapping[str, Split], radius: float, *, shifts: bool, near_is_error: bool
) -> Iterator[dg.AssetCheckResult]:
    """Search for rows of valid and test whose image, or a near one, is in an earlier split.

    The search is independent of the one that sanitizing and grouping use, see `curation.sanitizing.verification`.

    Args:
        keys: asset key of each split.
        splits: stored splits.
        radius: largest distance of near images, in units of 255.
        shifts: whether to compare images also after moves by one pixel.
        near_is_error: whether near images are an error instead of a warning.
    """
    # Imported here because it imports Numba, which is not needed to load the definitions.
    from notmnist_assets.curation.sanitizing.verification import Counterexample, equal_rows, near_rows

    severity = dg.AssetCheckSeverity.ERROR if near_is_error else dg.AssetCheckSeverity.WARN

    def compare(pair: tuple[str, str]) -> tuple[list[Counterexample], list[Counterexample]]:
        images, others = (splits[name].images for name in pair)
        return equal_rows(images, others), near_rows(images, others, radius, shifts=shifts)

    with ThreadPoolExecutor(_THREADS) as pool:
        found = dict(zip(_COMPARISONS, pool.map(compare, _COMPARISONS), strict=True))
    for name, others in EARLIER.items():
        if not len(splits[name]) or not any(len(splits[other]) for other in others):
            yield from (no_rows_result(keys[name], check) for check in DISJOINT_CHECKS)
            continue
        compared = [(other, *found[name, other]) for other in others]
        equal = [(other, *example) for other, examples, _ in compared for example in examples]
        near = [(other, *example) for other, _, examples in compared for example in examples]
        yield check_result(
            keys[name],
            "no_shared_images",
            passed=not equal,
            actual=len(equal),
            threshold=0,
            examples=_example_table(equal),
        )
        yield check_result(
            keys[name],
            "no_near_duplicates",
            passed=not near,
            actual=len(near),
            threshold=f"0 rows within radius {radius:g}",
            severity=severity,
            radius=radius,
            shifts=shifts,
            examples=_example_table(near),
        )


def _example_table(found: list[tuple[str, int, int, float]]) -> dg.TableMetadataValue:
    return table(pd.DataFrame(found[:_EXAMPLES], columns=["found_in", "row", "other_row", "distance"]))
