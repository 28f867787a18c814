"""Checks of drift: did this refresh change the data more than it should have?

Each asset is compared with its last materialization of *other* content that was made with the same settings, by the
numbers that both recorded. Not simply with the one before: making an asset again from the same data has no drift,
and must not hide the warning that the refresh before it gave. Equal content gets the same verdict until the content
changes again. Other settings give other data on purpose, so materializations with other settings are passed over.

Belongs here: which numbers are compared, and how far each may move. No value is loaded. The comparison is in
`curation.drift`; what must hold of the data whatever their history is in the other modules.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import dagster as dg

from notmnist_assets.checks.history import compare_with_history
from notmnist_assets.checks.results import judged, not_compared
from notmnist_assets.curation.drift import (
    Limit,
    compare,
    in_words,
    within,
    within_chance,
    within_interval,
    within_share,
)
from notmnist_assets.curation.images import LETTERS, SETS
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.metadata import table

_NAME: Final = "drift"
_CHANCE: Final = 3.0
_WHAT: Final = (
    "Compared with the last materialization of other content that was made with the same settings, no recorded number"
    " moved further than its limit. A warning: the change may be meant."
)


class _Watched(NamedTuple):
    """Assets that are watched alike.

    Attributes:
        keys: the assets.
        why: the limits in words, with the reason for each.
        limits: from the previous numbers, the limit of each number by its label.
    """

    keys: Sequence[dg.AssetKey]
    why: str
    limits: Callable[[Mapping[str, float]], Mapping[str, Limit]]


def _of_each_split(group: str) -> list[dg.AssetKey]:
    return [dg.AssetKey([group, name]) for name in SPLITS]


def _letter_limits(previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return {
        "images": within_share(0.05),
        "rejected": within(0.005 * previous.get("members", 0.0)),
        "mean": within(0.01),
    }


def _split_limits(_previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return {"rows": within_share(0.05), "mean": within(0.005)}


def _hash_limits(_previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return {"distinct_images": within_share(0.01)}


def _overlap_limits(_previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return {
        f"{rows_of} in {found_in} ({method})": within_chance(_CHANCE)
        for method in ("exact", "near")
        for rows_of in SPLITS
        for found_in in SPLITS
        if rows_of != found_in
    }


def _sanitized_limits(_previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return {"rows": within_share(0.05), **{f"share: {letter}": within(0.005) for letter in LETTERS}}


def _accuracy_limits(previous: Mapping[str, float]) -> Mapping[str, Limit]:
    return {
        f"accuracy: {train_on}, test {rows}": within_interval(previous[f"test rows: {rows}"])
        for train_on in ("raw", "sanitized")
        for rows in ("raw", "clean", "duplicates")
        if f"test rows: {rows}" in previous
    }


_INPUTS: Final = (
    _Watched(
        [dg.AssetKey(["letters", set_name, letter]) for set_name in SETS for letter in LETTERS],
        "Images: 5 %; corrections touch single files, while a lost folder or another collection of fonts is more."
        " Rejected files: 0.5 % of the members, where the originals have 0.01 %; more is a broken writer or reader."
        " Pixel mean: 0.01, two to three standard errors of the mean of 1,900 glyphs; the same letter of the two"
        " original archives differs by 0.001 to 0.022.",
        _letter_limits,
    ),
)
_RESULTS: Final = (
    _Watched(
        _of_each_split("splits"),
        "Rows: 5 %, as for letters, each of which gives a tenth. Pixel mean: 0.005, three standard errors of the mean"
        " of 10,000 glyphs.",
        _split_limits,
    ),
    _Watched(
        _of_each_split("hashes"),
        "Distinct images: 1 %, seven standard errors of the number of repeats in the originals' test set, 2 % of"
        " 10,000 rows.",
        _hash_limits,
    ),
    _Watched(
        [dg.AssetKey(["overlap", "report"])],
        "Rows that another split holds too, by equal and by near images: three standard errors of the difference of"
        " two counts (the root of their sum), which a fresh collection of the same kind would keep.",
        _overlap_limits,
    ),
    _Watched(
        _of_each_split("sanitized"),
        "Rows: 5 %, as for letters. Share of each letter: 0.005, which is 5 % of the tenth that each has before"
        " duplicates are removed.",
        _sanitized_limits,
    ),
    _Watched(
        [dg.AssetKey(["baselines", "metrics"])],
        "Accuracy on test of the models of all training rows: the 95 % Wilson interval of the previous accuracy. The"
        " fit itself does not vary, so what leaves the interval comes from the data.",
        _accuracy_limits,
    ),
)


def _drift_checks(name: str, groups: Sequence[_Watched]) -> dg.AssetChecksDefinition:
    watched = {key: group for group in groups for key in group.keys}

    @dg.multi_asset_check(
        name=name,
        specs=[
            dg.AssetCheckSpec(_NAME, asset=key, description=f"{_WHAT} {group.why}") for key, group in watched.items()
        ],
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for key, group in watched.items():
            if dg.AssetCheckKey(key, _NAME) in context.selected_asset_check_keys:
                yield _judge(context.instance, key, group)

    return checks


def _judge(instance: dg.DagsterInstance, key: dg.AssetKey, group: _Watched) -> dg.AssetCheckResult:
    warn = dg.AssetCheckSeverity.WARN
    actual, previous, reason = compare_with_history(instance, key)
    if actual is None or previous is None:
        return not_compared(key, _NAME, reason, severity=warn)
    compared = compare(previous.numbers, actual.numbers, group.limits(previous.numbers))
    drifted = compared[compared["drifted"]]
    return judged(
        key,
        _NAME,
        passed=drifted.empty,
        actual=len(drifted),
        threshold=0,
        severity=warn,
        summary=in_words(drifted) or "nothing drifted",
        drifted=table(drifted),
        compared=table(compared),
        previous_made=dg.MetadataValue.timestamp(previous.time),
        previous_run=dg.MetadataValue.dagster_run(previous.run_id),
    )


# Letters are judged before splits are drawn from them, everything else at the end: two steps, for steps cost time.
CHECKS: Sequence[dg.AssetChecksDefinition] = [
    _drift_checks("letter_drift", _INPUTS),
    _drift_checks("result_drift", _RESULTS),
]
