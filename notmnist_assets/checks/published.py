"""Checks against published numbers: results on the originals are the ones that others found.

Belongs here: which stored values are compared, and when they can be. The numbers and the comparison are in
`curation.published`; published checksums and pixel moments are judged by the checks of archives and letters.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets.hashes import HASHES
from notmnist_assets.assets.letters import LETTER_ASSETS
from notmnist_assets.assets.overlap import REPORT
from notmnist_assets.assets.stored_values import StoredValues
from notmnist_assets.checks.results import check_result, not_compared
from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.metadata.display import table
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.resource import SettingsResource

_FILES: Final = "published_files"
_DISTINCT: Final = "published_distinct"
_ROWS: Final = "published_shared_rows"
_IMAGES: Final = "published_shared_images"
_REPORT: Final = REPORT.asset_key
_HASHES: Final = {name: declaration.asset_key for name, declaration in HASHES.items()}
_ONLY_ORIGINALS: Final = "published numbers are of the profile full"
_ONLY_THE_SPLIT: Final = f"{_ONLY_ORIGINALS} with default sizes and seed"
_INFERRED: Final = (
    "The published number is inferred from percentages that were printed, so that a difference is a warning."
)


@dg.multi_asset_check(
    name="published_letter_checks",
    specs=[
        dg.AssetCheckSpec(
            _FILES,
            asset=LETTER_ASSETS[set_name][letter].asset_key,
            description="The number of readable files and the names of the rejected ones are the published ones, with"
            " the profile full.",
        )
        for set_name in SETS
        for letter in LETTERS
    ],
    can_subset=True,
)
def letter_checks(
    context: dg.AssetCheckExecutionContext, settings: SettingsResource, values: StoredValues
) -> Iterator[dg.AssetCheckResult]:
    """Compare what was read from the archives."""
    chosen = settings.read()
    for check in sorted(context.selected_asset_check_keys):
        if chosen.profile != "full":
            yield not_compared(check.asset_key, check.name, _ONLY_ORIGINALS)
            continue
        letter = values.letter(check.asset_key.path)
        _, set_name, name = check.asset_key.path
        yield _compared(
            check,
            published.certificate(
                readable={set_name: {name: len(letter)}},
                rejected={set_name: {name: letter.rejected["name"].tolist()}},
            ),
        )


@dg.multi_asset_check(
    name="published_result_checks",
    specs=[
        *(
            dg.AssetCheckSpec(
                _DISTINCT,
                asset=key,
                description=f"{name} holds as many distinct images as published, with the profile full, default sizes"
                f" and seed. {_INFERRED if published.DISTINCT[name][1] == published.INFERRED else ''}".rstrip(),
            )
            for name, key in _HASHES.items()
        ),
        dg.AssetCheckSpec(
            _ROWS,
            asset=_REPORT,
            additional_deps=list(_HASHES.values()),
            description="Splits share as many rows as public runs of the assignment printed, and as many test rows are"
            " in no other split, with the profile full, default sizes and seed.",
        ),
        dg.AssetCheckSpec(
            _IMAGES,
            asset=_REPORT,
            description="Splits share as many distinct images as published, with the profile full, default sizes and"
            f" seed. {_INFERRED}",
        ),
    ],
    can_subset=True,
)
def result_checks(
    context: dg.AssetCheckExecutionContext, settings: SettingsResource, values: StoredValues
) -> Iterator[dg.AssetCheckResult]:
    """Compare repeats and leaks of the canonical split."""
    chosen = settings.read()
    for check in sorted(context.selected_asset_check_keys):
        if not _is_published_split(chosen):
            yield not_compared(check.asset_key, check.name, _ONLY_THE_SPLIT)
            continue
        numbers = _distinct(values, check.asset_key) if check.name == _DISTINCT else _shared(values, check.name)
        yield _compared(check, numbers)


def _is_published_split(chosen: Settings) -> bool:
    sizes = {"train": chosen.train_size, "valid": chosen.valid_size, "test": chosen.test_size}
    return chosen.profile == "full" and sizes == published.SIZES and chosen.seed == published.SEED


def _distinct(values: StoredValues, key: dg.AssetKey) -> pd.DataFrame:
    hashes = values.table(key.path)
    return published.certificate(distinct={key.path[-1]: hashes["exact"].nunique()})


def _shared(values: StoredValues, name: str) -> pd.DataFrame:
    report = values.table(_REPORT.path)
    hashes = {split: values.table(key.path) for split, key in _HASHES.items()}
    numbers = published.certificate(
        overlap_report=report, unshared_test_rows=published.count_unshared_test_rows(hashes)
    )
    evidence = published.PUBLISHED if name == _ROWS else published.INFERRED
    return numbers[numbers["evidence"] == evidence]


def _compared(check: dg.AssetCheckKey, numbers: pd.DataFrame) -> dg.AssetCheckResult:
    """Return how many numbers agree; if one that is not inferred does not, that is an error."""
    wrong = numbers[~numbers["agrees"]]
    surely = (wrong["evidence"] == published.PUBLISHED).any()
    return check_result(
        check.asset_key,
        check.name,
        passed=wrong.empty,
        actual=len(numbers) - len(wrong),
        threshold=len(numbers),
        severity=dg.AssetCheckSeverity.ERROR if surely else dg.AssetCheckSeverity.WARN,
        compared=table(numbers),
    )


def checks_of_originals(settings: Settings) -> Sequence[dg.AssetChecksDefinition]:
    """Return the checks that have published numbers to compare with: of the originals, and of the published draw."""
    if settings.profile != "full":
        return []
    return [letter_checks, result_checks] if _is_published_split(settings) else [letter_checks]
