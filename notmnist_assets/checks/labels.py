"""Checks of `labels/issues`: all images judged once, none by a model that knows it, few labels estimated as wrong."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets.hashes import HASH_KEYS
from notmnist_assets.assets.labels import ISSUES, recorded_rates
from notmnist_assets.assets.near_pairs import NEAR_PAIRS, RADIUS
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.checks.common import no_rows_result
from notmnist_assets.checks.results import check_result, not_compared, only_selected
from notmnist_assets.curation.core.file_names import file_paths
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.labels.verification import (
    keys_across_folds,
    near_rows_across_folds,
    pixel_digests,
    unlisted_files,
)
from notmnist_assets.curation.summaries.text import percent, percent_range
from notmnist_assets.metadata.display import table

_KEY: Final = ISSUES.asset_key
_ONCE: Final = "every_image_once"
_OTHERS: Final = "judged_by_other_rows"
_FEW_WRONG: Final = "few_wrong_labels"
_MOST_WRONG: Final = 0.1
"""Share of wrong labels. The author of the original archives estimates 6.5 % of large and 0.5 % of small."""
_EXAMPLES: Final = 20


@dg.multi_asset_check(
    name="label_checks",
    specs=[
        dg.AssetCheckSpec(
            _ONCE,
            asset=_KEY,
            blocking=True,
            additional_deps=[declaration.asset_key for declaration in SPLIT_ASSETS.values()],
            description="Each readable image of both archives is exactly once in the table, with its split and row.",
        ),
        dg.AssetCheckSpec(
            _OTHERS,
            asset=_KEY,
            blocking=True,
            additional_deps=[*HASH_KEYS, NEAR_PAIRS.asset_key, RADIUS.asset_key],
            description="No model judged a row whose font or pixels it was fitted on, or whose image is within the"
            " radius of such a row of the splits. Fonts and pixels are compared anew.",
        ),
        dg.AssetCheckSpec(
            _FEW_WRONG,
            asset=_KEY,
            description=f"The estimated share of wrong labels of each archive is at most {percent(_MOST_WRONG)}.",
        ),
    ],
    ins={
        "issues": ISSUES.check_input,
        "near_pairs": NEAR_PAIRS.check_input,
        "radius": RADIUS.check_input,
        **{name: declaration.check_input for name, declaration in SPLIT_ASSETS.items()},
    },
    can_subset=True,
)
def label_checks(
    context: dg.AssetCheckExecutionContext,
    values: ValueLoader,
    issues: pd.DataFrame,
    near_pairs: pd.DataFrame,
    radius: pd.DataFrame,
    train: Split,
    valid: Split,
    test: Split,
) -> Iterator[dg.AssetCheckResult]:
    """Compare the table with the images, fonts and splits."""
    letters = {set_name: values.letters(set_name) for set_name in SETS}

    def results() -> Iterator[dg.AssetCheckResult]:
        problems = unlisted_files(issues, letters, {"train": train, "valid": valid, "test": test})
        yield check_result(
            _KEY,
            _ONCE,
            passed=problems.empty and len(issues) > 0,
            actual=len(problems),
            threshold=0,
            images=len(issues),
            problems=table(problems.head(_EXAMPLES)),
        )
        fold, fitted = issues["fold"].to_numpy(), issues["fitted"].to_numpy()
        digests = pixel_digests(letters).reindex(file_paths(issues).to_numpy())
        shared: dict[str, Any] = {
            "fonts": len(keys_across_folds(pd.factorize(issues["font"])[0], fold, fitted)),
            "images": len(keys_across_folds(pd.factorize(digests)[0], fold, fitted)),
            "near_pairs": near_rows_across_folds(values.near_index(near_pairs, radius), issues),
        }
        if fitted.any():
            yield check_result(
                _KEY, _OTHERS, passed=not any(shared.values()), actual=sum(shared.values()), threshold=0, **shared
            )
        else:
            yield no_rows_result(_KEY, _OTHERS)
        rates = recorded_rates(context.instance)
        yield _check_rates(rates)

    yield from only_selected(context, results())


def _check_rates(rates: pd.DataFrame) -> dg.AssetCheckResult:
    if rates.empty:
        return not_compared(_KEY, _FEW_WRONG, "no estimate is recorded", dg.AssetCheckSeverity.WARN)
    estimates = "; ".join(
        f"{row['set']}: {percent(row['wrong'])} ({percent_range(row['wrong_low'], row['wrong_high'])})"
        for row in rates.to_dict("records")
    )
    return check_result(
        _KEY,
        _FEW_WRONG,
        passed=bool((rates["wrong"] <= _MOST_WRONG).all()),
        actual=estimates,
        threshold=f"at most {percent(_MOST_WRONG)}",
        severity=dg.AssetCheckSeverity.WARN,
        gallery="issues",
    )


CHECKS: Sequence[dg.AssetChecksDefinition] = [label_checks]
