"""Checks of `baselines/metrics`: accuracies are above chance and rise with the number of training rows."""

from collections.abc import Iterator, Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.assets.baselines import METRICS
from notmnist_assets.checks.results import check_result, only_selected
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.metadata.display import table

_METRICS = METRICS.asset_key
_CHANCE = 1 / len(LETTERS)
_CURVE = ["model", "train_on", "eval_on", "eval_rows"]


@dg.multi_asset_check(
    name="baseline_checks",
    specs=[
        dg.AssetCheckSpec(
            "above_chance",
            asset=_METRICS,
            description="On raw and clean rows, the lower end of every 95 % interval is above 0.1, the accuracy of"
            " guessing.",
        ),
        dg.AssetCheckSpec(
            "rises_with_rows",
            asset=_METRICS,
            description="On raw and clean rows, no 95 % interval lies wholly below that of the next smaller training"
            " set.",
        ),
    ],
    ins={"metrics": METRICS.check_input},
    can_subset=True,
)
def baseline_checks(context: dg.AssetCheckExecutionContext, metrics: pd.DataFrame) -> Iterator[dg.AssetCheckResult]:
    """Check the learning curves."""
    yield from only_selected(context, _check_curves(metrics))


def _check_curves(metrics: pd.DataFrame) -> Iterator[dg.AssetCheckResult]:
    scored = metrics[metrics["eval_rows"] != "duplicates"].sort_values([*_CURVE, "fitted_rows"])
    worst = float(scored["ci_low"].min()) if len(scored) else 0.0
    yield check_result(
        _METRICS,
        "above_chance",
        passed=worst > _CHANCE,
        actual=worst,
        threshold=f"more than {_CHANCE:g}",
        failing=table(scored[scored["ci_low"] <= _CHANCE]),
    )
    before = scored.groupby(_CURVE)["ci_low"].shift()
    falls = scored[scored["ci_high"] < before]
    yield check_result(
        _METRICS,
        "rises_with_rows",
        passed=falls.empty and len(scored) > 0,
        actual=len(falls),
        threshold=0,
        failing=table(falls),
    )


CHECKS: Sequence[dg.AssetChecksDefinition] = [baseline_checks]
