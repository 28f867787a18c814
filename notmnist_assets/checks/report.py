"""The check of `report/html`: the stored page is complete and says what the values say."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final

import dagster as dg
import pandas as pd
from upath import UPath

from notmnist_assets.assets.baselines import METRICS
from notmnist_assets.assets.overlap import REPORT
from notmnist_assets.assets.report import CONTENTS, HTML, input_disagreements, recorded_values, settings_shown
from notmnist_assets.assets.sanitized import SANITIZED
from notmnist_assets.checks.results import check_result
from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.curation.core.statistics import label_counts
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.duplicates.row_index import METHODS
from notmnist_assets.curation.report.page import SECTIONS
from notmnist_assets.curation.report.reading import PageReader
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.staleness.materializations import Materialization, last_materializations

_KEY: Final = HTML.asset_key
_NAME: Final = "complete_and_faithful"
_VALUES: Final = {**SANITIZED, "overlap_report": REPORT, "metrics": METRICS}


@dg.multi_asset_check(
    name="report_check",
    specs=[
        dg.AssetCheckSpec(
            _NAME,
            asset=_KEY,
            additional_deps=[declaration.asset_key for declaration in _VALUES.values()],
            description="The stored page has all its sections, and its rows per letter, overlaps, accuracies and"
            " settings are those of the stored values, and these values were made from one another.",
        )
    ],
    ins={"page": HTML.check_input, **{name: declaration.check_input for name, declaration in _VALUES.items()}},
)
def report_check(
    context: dg.AssetCheckExecutionContext,
    page: UPath,
    train: Split,
    valid: Split,
    test: Split,
    overlap_report: pd.DataFrame,
    metrics: pd.DataFrame,
) -> dg.AssetCheckResult:
    """Read the page back."""
    made = last_materializations(context.instance, [*(declaration.asset_key for declaration in CONTENTS), _KEY])
    try:
        read = PageReader()
        read.feed(page.read_text(encoding="utf-8"))
    except (ValueError, LookupError) as error:
        problems = [f"it cannot be read: {error}"]
    else:
        splits = {"train": train, "valid": valid, "test": test}
        problems = [
            *input_disagreements(made),
            *_other_settings(read, made),
            *(f"the section {section} is missing" for section in SECTIONS if section not in read.sections),
            *_disagreements(read, splits, overlap_report, metrics),
        ]
    return check_result(
        _KEY,
        _NAME,
        passed=not problems,
        actual=len(problems),
        threshold=0,
        problems="; ".join(problems[:20]) or "none",
    )


def _other_settings(page: PageReader, made: Mapping[dg.AssetKey, Materialization]) -> Iterator[str]:
    """Tell where the values were made with other settings than the page says."""
    recorded = {name: values for name, values in recorded_values(made).items() if values}
    said = {row[0]: row[1] for row in page.tables.get("settings-table", ()) if len(row) > 1}
    for shown in settings_shown(recorded):
        if said.get(shown.name) != shown.value:
            yield f"settings-table says {shown.name} {said.get(shown.name)}, the values were made with {shown.value}"


def _disagreements(
    page: PageReader, splits: Mapping[str, Split], overlap_report: pd.DataFrame, metrics: pd.DataFrame
) -> Iterator[str]:
    """Tell where the page's numbers are not those of the values."""
    balance = [[str(count) for count in label_counts(splits[name].labels)] for name in SPLITS]
    expected: dict[str, list[list[str]]] = {
        "balance-table": [
            *([letter, *(counts[place] for counts in balance)] for place, letter in enumerate(LETTERS)),
            ["all", *(str(len(splits[name])) for name in SPLITS)],
        ],
        "overlap-table": [
            [str(rows_of), *(str(cell) for cell in part[["rows", "share", "distinct"]].to_numpy(object).flat)]
            for (rows_of, _), part in overlap_report.groupby(["rows_of", "found_in"], sort=False)
        ],
        "baselines-table": [
            [str(cell) for cell in row]
            for row in metrics[
                ["model", "train_on", "train_rows", "eval_on", "eval_rows", "rows", "accuracy"]
            ].itertuples(index=False)
        ],
    }
    of_methods = len(METHODS) * len(("rows", "share", "distinct"))
    # Where in the page's rows these cells are.
    places = {
        "balance-table": [0, *range(-len(SPLITS), 0)],  # the letter, and after the splits as drawn the sanitized ones
        "overlap-table": [0, *range(2, 2 + of_methods)],  # the split, and after the one it is looked up in, each method
        "baselines-table": range(7),
    }
    for table, rows in expected.items():
        # A row of one cell says that there is nothing to show, or how much more there is.
        shown = [[row[place] for place in places[table]] for row in page.tables.get(table, ()) if len(row) > 1]
        for one, other in zip_longest(shown, rows):
            if one != other:
                yield f"{table} says {one}, the values say {other}"


CHECKS: Sequence[dg.AssetChecksDefinition] = [report_check]
