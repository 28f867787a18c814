"""Checks of `baselines/*`: accuracies are above chance and rise with training rows; the control remembers twins."""

from collections.abc import Iterator, Sequence

import dagster as dg
import pandas as pd

from notmnist_assets.assets.baselines import METRICS, MISTAKES
from notmnist_assets.assets.leakage import LEAKAGE
from notmnist_assets.assets.reference import REFERENCE
from notmnist_assets.checks.results import check_result, only_selected
from notmnist_assets.curation.baselines.leakage import CHANGE, TWINS, values_of
from notmnist_assets.curation.baselines.nearest import NEAREST_NEIGHBOUR
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.summaries.text import percent
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


def _check_chance(key: dg.AssetKey, scored: pd.DataFrame) -> dg.AssetCheckResult:
    """Compare the smallest lower end of an interval with the accuracy of guessing."""
    worst = float(scored["ci_low"].min()) if len(scored) else 0.0
    return check_result(
        key,
        "above_chance",
        passed=worst > _CHANCE,
        actual=percent(worst),
        threshold=f"more than {percent(_CHANCE)}",
        failing=_failing(scored[scored["ci_low"] <= _CHANCE]),
    )


def _check_curves(metrics: pd.DataFrame) -> Iterator[dg.AssetCheckResult]:
    scored = metrics[metrics["eval_rows"] != "removed"].sort_values([*_CURVE, "fitted_rows"])
    yield _check_chance(_METRICS, scored)
    before = scored.groupby(_CURVE)["ci_low"].shift()
    falls = scored[scored["ci_high"] < before]
    yield check_result(
        _METRICS,
        "rises_with_rows",
        passed=falls.empty and len(scored) > 0,
        actual=len(falls),
        threshold=0,
        failing=_failing(falls),
    )


def _failing(scored: pd.DataFrame) -> dg.TableMetadataValue:
    return table(scored, shares=("accuracy", "mean", "sd"), intervals={"interval": ("ci_low", "ci_high")})


@dg.asset_check(
    name="above_chance",
    asset=REFERENCE.asset_key,
    description="On all test rows, the lower end of every 95 % interval is above 0.1, the accuracy of guessing.",
)
def reference_above_chance(found: pd.DataFrame) -> dg.AssetCheckResult:
    """Check the accuracies of the assignment's models."""
    return _check_chance(REFERENCE.asset_key, found[found["eval_rows"] == "raw"])


@dg.asset_check(
    name="control_remembers",
    asset=LEAKAGE.asset_key,
    description="The nearest neighbour, which remembers every image, is more accurate with the twins than without them:"
    " the lower end of the 95 % interval of the change is above 0. Otherwise there are too few twins to see memory, and"
    " the other numbers prove nothing.",
)
def control_remembers(found: pd.DataFrame) -> dg.AssetCheckResult:
    """Check that the positive control shows memory."""
    change = values_of(found, NEAREST_NEIGHBOUR).get((TWINS, CHANGE))
    return check_result(
        LEAKAGE.asset_key,
        "control_remembers",
        passed=change is not None and change.ci_low > 0,
        actual="no test row has a twin in train" if change is None else f"{100 * change.ci_low:.3g} points",
        threshold="more than 0",
        severity=dg.AssetCheckSeverity.WARN,
        rows=0 if change is None else int(change.rows),
    )


@dg.asset_check(
    name="agrees_with_metrics",
    asset=MISTAKES.asset_key,
    description="The numbers of wrong predictions of valid and test are those of the accuracies in baselines/metrics.",
    additional_ins={"metrics": METRICS.check_input},
)
def agrees_with_metrics(mistakes: pd.DataFrame, metrics: pd.DataFrame) -> dg.AssetCheckResult:
    """Compare the numbers of wrong predictions."""
    first = metrics[metrics["model"] == metrics["model"].iloc[0]]
    scored = first[
        (first["train_on"] == "sanitized") & (first["train_rows"] == "all") & (first["eval_rows"] == "raw")
    ].set_index("eval_on")
    wrong = ((1 - scored["accuracy"]) * scored["rows"]).round().astype(int)
    found = mistakes["split"].value_counts().reindex(wrong.index, fill_value=0)
    return check_result(
        MISTAKES.asset_key,
        "agrees_with_metrics",
        passed=found.tolist() == wrong.tolist() and len(mistakes) == wrong.sum(),
        actual=", ".join(f"{name} {count:,}" for name, count in found.items()),
        threshold=", ".join(f"{name} {count:,}" for name, count in wrong.items()),
    )


CHECKS: Sequence[dg.AssetChecksDefinition] = [
    baseline_checks,
    agrees_with_metrics,
    reference_above_chance,
    control_remembers,
]
