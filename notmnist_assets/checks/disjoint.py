"""The proof that evaluation splits share nothing with the splits before them, for sanitized and grouped splits.

Belongs here: turning counterexamples of `curation.verification` into check results.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pandas as pd

from notmnist_assets.checks.results import check_result
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.splitting.splits import EARLIER
from notmnist_assets.metadata.display import table

DISJOINT_CHECKS = {
    "no_shared_images": "No row has the pixels of a row of the splits before it (train; train, valid).",
    "no_near_duplicates": "No row is within the radius of a row of the splits before it.",
}
_COMPARED = [(name, other) for name, others in EARLIER.items() for other in others]
_EXAMPLES = 20
_THREADS = 2


def prove_disjoint(
    keys: Mapping[str, dg.AssetKey], splits: Mapping[str, Split], radius: float, *, shifts: bool, near_must_hold: bool
) -> Iterator[dg.AssetCheckResult]:
    """Look for rows of valid and test that are in, or near, a split before theirs.

    Args:
        keys: asset of each split.
        splits: as they are stored.
        radius: how near is too near.
        shifts: whether copies moved by one pixel count.
        near_must_hold: whether a near row is an error; else a warning.
    """
    # The compiler is needed only when this check runs, not when definitions load.
    from notmnist_assets.curation.sanitizing.verification import Counterexample, equal_rows, near_rows

    severity = dg.AssetCheckSeverity.ERROR if near_must_hold else dg.AssetCheckSeverity.WARN

    def compare(pair: tuple[str, str]) -> tuple[list[Counterexample], list[Counterexample]]:
        images, others = (splits[name].images for name in pair)
        return equal_rows(images, others), near_rows(images, others, radius, shifts=shifts)

    with ThreadPoolExecutor(_THREADS) as pool:
        found = dict(zip(_COMPARED, pool.map(compare, _COMPARED), strict=True))
    for name, others in EARLIER.items():
        compared = [(other, *found[name, other]) for other in others]
        equal = [(other, *example) for other, examples, _ in compared for example in examples]
        near = [(other, *example) for other, _, examples in compared for example in examples]
        yield check_result(
            keys[name],
            "no_shared_images",
            passed=not equal,
            actual=len(equal),
            threshold=0,
            examples=_examples(equal),
        )
        yield check_result(
            keys[name],
            "no_near_duplicates",
            passed=not near,
            actual=len(near),
            threshold=0,
            severity=severity,
            radius=radius,
            shifts=shifts,
            examples=_examples(near),
        )


def _examples(found: list[tuple[str, int, int, float]]) -> dg.TableMetadataValue:
    return table(pd.DataFrame(found[:_EXAMPLES], columns=["found_in", "row", "other_row", "distance"]))
