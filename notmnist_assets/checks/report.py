"""Check of `report/html`: reads the stored page and compares it with the stored values."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final

import dagster as dg
import pandas as pd
from upath import UPath

from notmnist_assets.assets.baselines import METRICS
from notmnist_assets.assets.overlap import REPORT
from notmnist_assets.assets.report import CONTENTS, HTML, input_disagreements, recorded_values, report_settings
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
            description="The stored page has all its sections and refers to no other file or address; its rows per"
            " letter, overlaps, accuracies and settings equal those of the stored values; and these values are"
            " consistent: none was materialized from an older version of another or with other settings.",
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
    """Parse the stored page and compare it with the values."""
    latest = last_materializations(context.instance, [*(declaration.asset_key for declaration in CONTENTS), _KEY])
    try:
        read = PageReader()
        read.feed(page.read_text(encoding="utf-8"))
    except (ValueError, LookupError) as error:
        problems = [f"the page cannot be parsed: {error}. Materialize report/html again."]
    else:
        splits = {"train": train, "valid": valid, "test": test}
        problems = [
            *input_disagreements(latest),
            *_setting_differences(read, latest),
            *(f"the section {section} is missing" for section in SECTIONS if section not in read.sections),
            *(f"the page refers to {address[:80]}" for address in read.references),
            *_table_differences(read, splits, overlap_report, metrics),
        ]
    return check_result(
        _KEY,
        _NAME,
        passed=not problems,
        actual=len(problems),
        threshold=0,
        problems="; ".join(problems[:20]) or "none",
    )


def _setting_differences(page: PageReader, latest: Mapping[dg.AssetKey, Materialization]) -> Iterator[str]:
    """Yield a sentence per setting on the page that differs from the setting of the stored values."""
    recorded = {name: values for name, values in recorded_values(latest).items() if values}
    on_page = {row[0]: row[1] for row in page.tables.get("settings-table", ()) if len(row) > 1}
    for setting in report_settings(recorded):
        if on_page.get(setting.name) != setting.value:
            yield (
                f"settings-table shows {setting.name} {on_page.get(setting.name)}, the values were materialized with"
                f" {setting.value}"
            )


def _table_differences(
    page: PageReader, splits: Mapping[str, Split], overlap_report: pd.DataFrame, metrics: pd.DataFrame
) -> Iterator[str]:
    """Yield a sentence per row of a table on the page that differs from the stored values."""
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
    # Columns of the page that contain these cells.
    places = {
        "balance-table": [0, *range(-len(SPLITS), 0)],  # the letter and the sanitized splits, which follow the raw ones
        "overlap-table": [0, *range(2, 2 + of_methods)],  # the split and, after the searched split, each method
        "baselines-table": range(7),
    }
    for table, rows in expected.items():
        # A row of one cell is the text of an empty table.
        on_page = [[row[place] for place in places[table]] for row in page.tables.get(table, ()) if len(row) > 1]
        for found, wanted in zip_longest(on_page, rows):
            if found != wanted:
                yield f"{table} shows {found}, expected {wanted}"


CHECKS: Sequence[dg.AssetChecksDefinition] = [report_check]
