"""Checks of stored values against published numbers of the original archives.

The numbers are in `curation.core.published`. Published checksums and pixel moments are compared by the checks of
archives and letters.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets.hashes import HASHES
from notmnist_assets.assets.letters import LETTER_ASSETS
from notmnist_assets.assets.overlap import REPORT
from notmnist_assets.assets.reference import REFERENCE, compared_table
from notmnist_assets.assets.value_loader import ValueLoader
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
_ACCURACIES: Final = "published_accuracies"
_REPORT: Final = REPORT.asset_key
_REFERENCE: Final = REFERENCE.asset_key
_HASHES: Final = {name: declaration.asset_key for name, declaration in HASHES.items()}
_ONLY_ORIGINALS: Final = "published numbers exist only for the profile full"
_ONLY_THE_SPLIT: Final = f"{_ONLY_ORIGINALS} with default sizes and seed"
_INFERRED: Final = "The number is inferred from published percentages, so that a difference is only a warning."


@dg.multi_asset_check(
    name="published_letter_checks",
    specs=[
        dg.AssetCheckSpec(
            _FILES,
            asset=LETTER_ASSETS[set_name][letter].asset_key,
            description="The number of readable files and the names of rejected files equal the published ones.",
        )
        for set_name in SETS
        for letter in LETTERS
    ],
    can_subset=True,
)
def letter_checks(
    context: dg.AssetCheckExecutionContext, settings: SettingsResource, values: ValueLoader
) -> Iterator[dg.AssetCheckResult]:
    """Compare the readable and the rejected files of each letter."""
    config = settings.read()
    for check in sorted(context.selected_asset_check_keys):
        if config.profile != "full":
            yield not_compared(check.asset_key, check.name, _ONLY_ORIGINALS)
            continue
        letter = values.letter(check.asset_key.path)
        _, set_name, name = check.asset_key.path
        yield _compare(
            check,
            published.compare_numbers(
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
                description=f"The number of distinct images of {name} equals the published number."
                f" {_INFERRED if published.DISTINCT[name][1] == published.INFERRED else ''}".rstrip(),
            )
            for name, key in _HASHES.items()
        ),
        dg.AssetCheckSpec(
            _ROWS,
            asset=_REPORT,
            additional_deps=list(_HASHES.values()),
            description="The numbers of rows that splits share, and of test rows that are in no other split, equal"
            " those of public runs of the assignment.",
        ),
        dg.AssetCheckSpec(
            _IMAGES,
            asset=_REPORT,
            description=f"The numbers of distinct images that splits share equal the published numbers. {_INFERRED}",
        ),
        dg.AssetCheckSpec(
            _ACCURACIES,
            asset=_REFERENCE,
            description="The accuracies of the assignment's own models differ from the published ones by no more than"
            " their tolerances. Accuracies that cannot be repeated, and those of models that were not fitted, are"
            " listed but not compared.",
        ),
    ],
    can_subset=True,
)
def result_checks(
    context: dg.AssetCheckExecutionContext, settings: SettingsResource, values: ValueLoader
) -> Iterator[dg.AssetCheckResult]:
    """Compare the distinct and the shared images of the canonical split, and accuracies on it."""
    config = settings.read()
    for check in sorted(context.selected_asset_check_keys):
        if not config.is_published_split:
            yield not_compared(check.asset_key, check.name, _ONLY_THE_SPLIT)
            continue
        if check.name == _ACCURACIES:
            yield _compare_accuracies(values.table(_REFERENCE.path))
            continue
        numbers = _distinct(values, check.asset_key) if check.name == _DISTINCT else _shared(values, check.name)
        yield _compare(check, numbers)


def _distinct(values: ValueLoader, key: dg.AssetKey) -> pd.DataFrame:
    hashes = values.hash_table(key.path)
    return published.compare_numbers(distinct={key.path[-1]: hashes["exact"].nunique()})


def _shared(values: ValueLoader, name: str) -> pd.DataFrame:
    report = values.table(_REPORT.path)
    hashes = {split: values.hash_table(key.path) for split, key in _HASHES.items()}
    numbers = published.compare_numbers(
        overlap_report=report, unshared_test_rows=published.count_unshared_test_rows(hashes)
    )
    evidence = published.PUBLISHED if name == _ROWS else published.INFERRED
    return numbers[numbers["evidence"] == evidence]


def _compare(check: dg.AssetCheckKey, numbers: pd.DataFrame) -> dg.AssetCheckResult:
    """Count the numbers that agree; a difference is an error if the number is published, else a warning."""
    wrong = numbers[~numbers["agrees"]]
    is_error = (wrong["evidence"] == published.PUBLISHED).any()
    return check_result(
        check.asset_key,
        check.name,
        passed=wrong.empty,
        actual=len(numbers) - len(wrong),
        threshold=len(numbers),
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        compared=table(numbers),
    )


def _compare_accuracies(reference: pd.DataFrame) -> dg.AssetCheckResult:
    found = published.compare_accuracies(reference)
    compared = int(found["compared"].sum())
    return check_result(
        _REFERENCE,
        _ACCURACIES,
        passed=bool(found["agrees"].all()) and compared > 0,
        actual=int((found["compared"] & found["agrees"]).sum()),
        threshold=compared,
        compared=compared_table(found),
    )


def optional_checks(settings: Settings) -> Sequence[dg.AssetChecksDefinition]:
    """Return the checks of the original archives, and those of the split with default sizes and seed."""
    if settings.profile != "full":
        return []
    return [letter_checks, result_checks] if settings.is_published_split else [letter_checks]
