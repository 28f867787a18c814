"""Checks of `splits/*`: classes are balanced, rows shuffled, files disjoint, and most readable images used."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from notmnist_assets.assets.letters import FILES
from notmnist_assets.assets.splits import SPLIT_ASSETS
from notmnist_assets.checks.results import check_result, not_compared, only_selected
from notmnist_assets.curation.core.file_names import repeated_files
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.statistics import label_balance, label_counts, shuffle_score
from notmnist_assets.curation.core.values import FILE_COLUMNS, Split
from notmnist_assets.curation.reading.files import readable_files
from notmnist_assets.curation.splitting.splits import SET_OF_SPLIT
from notmnist_assets.curation.summaries.text import percent
from notmnist_assets.metadata.display import counts_table, table
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.resource import SettingsResource

_LARGEST_SHUFFLE_SCORE = 5.0
_SMALLEST_USE = 0.5
_USE = "uses_most_images"
_KEYS = {name: declaration.asset_key for name, declaration in SPLIT_ASSETS.items()}


@dg.multi_asset_check(
    name="split_checks",
    specs=[
        *(
            dg.AssetCheckSpec(
                "class_balance",
                asset=key,
                description="Every letter has the same number of rows.",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                "labels_shuffled",
                asset=key,
                description="Neighbouring rows have equal labels as often as in random order (5 standard errors).",
            )
            for key in _KEYS.values()
        ),
        *(
            dg.AssetCheckSpec(
                "disjoint_sources",
                asset=key,
                blocking=True,
                description="No file (set, letter, name) of this split is in another split or twice in this one.",
            )
            for key in _KEYS.values()
        ),
    ],
    ins={name: declaration.check_input for name, declaration in SPLIT_ASSETS.items()},
    can_subset=True,
)
def split_checks(
    context: dg.AssetCheckExecutionContext, train: Split, valid: Split, test: Split
) -> Iterator[dg.AssetCheckResult]:
    """Check `splits/*`."""
    yield from only_selected(context, _check_splits({"train": train, "valid": valid, "test": test}))


@dg.multi_asset_check(
    name="split_size_check",
    specs=[
        dg.AssetCheckSpec(
            _USE,
            asset=_KEYS["train"],
            additional_deps=[_KEYS["valid"], FILES.asset_key],
            description="Train and valid use at least half of the readable images of the large archive. All letters"
            " give the same number of rows, so that a letter with few images limits the others. Compared only if the"
            " size of train is chosen from the data.",
        )
    ],
    ins={**{name: SPLIT_ASSETS[name].check_input for name in ("train", "valid")}, "files": FILES.check_input},
)
def split_size_check(
    settings: SettingsResource, train: Split, valid: Split, files: pd.DataFrame
) -> dg.AssetCheckResult:
    """Compare the rows of train and valid with the readable images."""
    readable = readable_files(files, SET_OF_SPLIT["train"])
    return _check_use(len(train), len(train) + len(valid), readable, size_set=bool(settings.read().train_size))


def optional_checks(settings: Settings) -> Sequence[dg.AssetChecksDefinition]:
    """Return the check of unused images if the size of train is chosen from the data."""
    return [] if settings.train_size else [split_size_check]


def _check_splits(splits: Mapping[str, Split]) -> Iterator[dg.AssetCheckResult]:
    repeated = repeated_files([split.sources for split in splits.values()])
    for (name, split), shared in zip(splits.items(), repeated, strict=True):
        counts = label_counts(split.labels)
        balance = label_balance(counts)
        yield check_result(
            _KEYS[name],
            "class_balance",
            passed=balance.ratio == 1.0,
            actual=balance.description,
            threshold="exactly 1",
            ratio=balance.ratio,
            rows_per_letter=counts_table(counts.tolist()),
        )
        score = shuffle_score(split.labels)
        yield check_result(
            _KEYS[name],
            "labels_shuffled",
            passed=abs(score) <= _LARGEST_SHUFFLE_SCORE,
            actual=score,
            threshold=f"at most {_LARGEST_SHUFFLE_SCORE:g} standard errors",
        )
        yield check_result(
            _KEYS[name],
            "disjoint_sources",
            passed=not shared.any(),
            actual=int(shared.sum()),
            threshold=0,
            examples=table(split.sources.loc[shared, list(FILE_COLUMNS)].head(20)),
        )


def _check_use(train_rows: int, rows: int, readable: Sequence[int], *, size_set: bool) -> dg.AssetCheckResult:
    """Compare the rows of train and valid together with the readable images of each letter of large.

    Args:
        train_rows: rows of train.
        rows: rows of train and valid.
        readable: readable images of each letter A to J of large.
        size_set: whether the size of train is set.
    """
    warn = dg.AssetCheckSeverity.WARN
    images, fewest = sum(readable), min(readable)
    share = rows / images
    used = f"{percent(share)} of {images:,} readable images"
    details: dict[str, Any] = {"share (%)": 100 * share, "readable_images": counts_table(readable, "images")}
    reason = ""
    if size_set:
        reason = f"the size of train is set to {train_rows:,}"
    elif rows < fewest * len(LETTERS):
        reason = f"train has its largest default size, {train_rows:,} rows"
    if reason:
        return not_compared(_KEYS["train"], _USE, f"{reason}; {used} are used", warn, **details)
    return check_result(
        _KEYS["train"],
        _USE,
        passed=share >= _SMALLEST_USE,
        actual=f"{used}: the scarcest letter, {LETTERS[readable.index(fewest)]}, has {fewest:,}",
        threshold=f"at least {percent(_SMALLEST_USE)}",
        severity=warn,
        **details,
    )


CHECKS: Sequence[dg.AssetChecksDefinition] = [split_checks]
