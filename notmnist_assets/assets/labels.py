"""Defines `labels/issues`: how likely each label is right, and which rows show another letter or none."""

from typing import Final

import dagster as dg
import pandas as pd

from notmnist_assets.assets.declaration import Declaration, Stage
from notmnist_assets.assets.near_pairs import RADIUS
from notmnist_assets.assets.sanitized import SANITIZED
from notmnist_assets.assets.splits import ALL_LETTER_KEYS, SPLIT_ASSETS
from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.cluster import ClusterResource
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.curation.core.values import FILE_COLUMNS, Split
from notmnist_assets.curation.duplicates.pair_table import chosen_radius
from notmnist_assets.curation.labels.effect import effect_of_leaving_out
from notmnist_assets.curation.labels.error_rates import ESTIMATES, RATE_COLUMNS
from notmnist_assets.curation.labels.issues import KINDS, LEAST_QUALITY, NO_ISSUE, issue_exhibits, label_issues
from notmnist_assets.curation.sanitizing.grouping import connected_groups
from notmnist_assets.curation.summaries.results import issues_summary
from notmnist_assets.metadata.columns import Column, Sources
from notmnist_assets.metadata.display import asset_page, descriptions, exhibits, plain, table
from notmnist_assets.metadata.failures import as_dagster_failure
from notmnist_assets.settings.deployment import PREFIX
from notmnist_assets.storage.types import data_version, table_type

_SHOWN: Final = 100
_ESTIMATED: Final = "estimated"
"""Metadata label of the unrounded table of rates, which the report and a check read."""
_PICTURED: Final = 30
_PER_LINE: Final = 6
_LETTERS: Final = tuple(f"letters/{name}/*" for name in SETS)
_NAMES: Final[Sources] = dict.fromkeys(_LETTERS, ("name",))
_JUDGED: Final[Sources] = dict.fromkeys(_LETTERS, ("image",))
_GROUPED: Final[Sources] = {**_JUDGED, "overlap/radius": ("radius", "chosen")}
_COLUMNS: Final = {
    "split": Column("string", "split of the row, none if no split has the image", {"splits/*": FILE_COLUMNS, **_NAMES}),
    "row": Column("int64", "row of that split, -1 for none", {"splits/*": FILE_COLUMNS, **_NAMES}),
    "set": Column("string", "archive of the image, large or small"),
    "letter": Column("string", "letter of the label"),
    "name": Column("string", "file name", _NAMES),
    "font": Column("string", "font file name", _NAMES),
    "likely": Column("string", "most probable letter by the image alone", _JUDGED),
    "label_quality": Column(
        "float64", "probability that the label is right, 0 to 1; NaN if no model can judge the row", _JUDGED
    ),
    "kind": Column(
        "string",
        "wrong label; outlier: the same, but unlike other letters, maybe not a letter; duplicate conflict: most of its"
        " duplicate group have another letter; blank: an image without contrast; none",
        _GROUPED,
    ),
    "rank": Column("int64", "1 for the issue with the lowest quality; issues come first"),
    "fold": Column("int64", "number of the model that judges the row, by its font"),
    "fitted": Column("bool", "whether the models of all other folds were fitted on the row", _GROUPED),
}
ISSUES: Final = Declaration(
    key="labels/issues",
    code_version="1",
    role="evidence",
    dagster_type=table_type("LabelIssues", _COLUMNS, "The quality of each label of both archives."),
    io_manager="table_io",
    kinds={"pandas", "parquet", "scikitlearn"},
    columns=_COLUMNS,
    settings=("near_shifts",),
    is_finding=True,
    description=(
        "The quality of each label of both archives, also of images that no split has, least likely labels first. Each"
        " row is judged by a model that was fitted on other fonts and on no duplicate of the image. The table `rates`"
        " in the metadata estimates how many labels of each archive are wrong, and `effect` shows how the accuracy on"
        f" sanitized rows changes if rows with an issue are left out of training. {PREFIX}DROP_LABEL_ISSUES leaves them"
        " out of the training of baselines; nothing else is removed because of them."
    ),
)
_RATES: Final = {
    "set": "archive",
    "rows": "rows that a model judges",
    "doubted": "share of rows whose most probable letter is not that of the label",
    "confident": "share of wrong labels by confident learning; pictures of no letter are hardly counted",
    "wrong": "share of wrong labels if right labels of both archives are doubted equally often; the archive with fewer"
    " doubted labels keeps the estimate of confident learning",
    "author": "the estimate of the author for the original archive",
    **{f"{name}_95": "95 % interval; rows of a font count as dependent" for name in ESTIMATES},
}
_EFFECT: Final = {
    "eval_on": "sanitized valid or test",
    "eval_rows": "all: all rows; no issue: rows without a label issue",
    "rows": "evaluated rows",
    "all_rows": "accuracy of the model fitted on all rows of sanitized/train",
    "without_issues": "accuracy of the model fitted on rows without an issue",
    "only_all_right": "rows that only the model of all rows classifies correctly",
    "only_without_right": "rows that only the other model classifies correctly",
    "p_value": "of McNemar's exact test of the difference",
}
_KIND_COUNTS: Final = {
    "set": "archive",
    "split": "split, none for images that no split has",
    "rows": "images",
    **{kind: f"rows with the issue {kind}" for kind in KINDS},
    "unjudged": "rows that no model can judge: too few other fonts have their letter",
}


@ISSUES.asset(
    deps=ALL_LETTER_KEYS,
    ins={
        "radius": RADIUS.input,
        **{f"raw_{name}": declaration.input for name, declaration in SPLIT_ASSETS.items()},
        **{f"clean_{name}": declaration.input for name, declaration in SANITIZED.items()},
    },
)
def issues(
    values: ValueLoader,
    cluster: ClusterResource,
    radius: pd.DataFrame,
    raw_train: Split,
    raw_valid: Split,
    raw_test: Split,
    clean_train: Split,
    clean_valid: Split,
    clean_test: Split,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Judge all labels, estimate how many are wrong, and measure what leaving them out of training does."""
    raw = {"train": raw_train, "valid": raw_valid, "test": raw_test}
    clean = {"train": clean_train, "valid": clean_valid, "test": clean_test}
    with as_dagster_failure(), cluster.open() as work_map:
        pool, index = values.pool(chosen_radius(radius), work_map)
        groups = connected_groups(pool, index, by_font=False)
        found = label_issues(pool, groups, raw, work_map)
        effect = effect_of_leaving_out(clean, found.table, work_map)
    first = found.table.head(_SHOWN)
    return dg.MaterializeResult(
        value=found.table,
        data_version=data_version(found.table),
        metadata={
            **asset_page(
                issues_summary(found.table["kind"], found.rates, NO_ISSUE, LEAST_QUALITY),
                picture={
                    "pictures": exhibits(
                        issue_exhibits(pool, found.table, groups, _PICTURED),
                        "the least likely labels: rank, letter of the label, most probable letter, font and file; one"
                        " image of each duplicate group",
                        per_line=_PER_LINE,
                    )
                },
                numbers={
                    "rows": len(found.table),
                    "issues": int((found.table["kind"] != NO_ISSUE).sum()),
                    **{
                        f"wrong labels (%): {name}": 100 * share
                        for name, share in zip(found.rates["set"], found.rates["wrong"], strict=True)
                    },
                    "radius": chosen_radius(radius),
                },
                tables={
                    "rates": table(
                        found.rates,
                        _RATES,
                        shares=(*ESTIMATES, "author"),
                        intervals={f"{name}_95": (f"{name}_low", f"{name}_high") for name in ESTIMATES},
                    ),
                    "kinds": table(_counts(found.table), _KIND_COUNTS),
                    "effect": table(
                        effect,
                        _EFFECT,
                        shares=("all_rows", "without_issues"),
                        intervals={
                            "all_95": ("all_low", "all_high"),
                            "without_95": ("without_low", "without_high"),
                        },
                    ),
                    "least_likely": table(first, descriptions(ISSUES.schema)),
                },
            ),
            _ESTIMATED: [{name: plain(value) for name, value in row.items()} for row in found.rates.to_dict("records")],
        },
    )


def _counts(found: pd.DataFrame) -> pd.DataFrame:
    """Count the rows of each archive and split by kind of issue."""
    keys = ["set", "split"]
    of_kind = {kind: found["kind"] == kind for kind in KINDS}
    marked = found[keys].assign(rows=1, **of_kind, unjudged=found["label_quality"].isna())
    return marked.groupby(keys, sort=True).sum().reset_index()


def recorded_rates(instance: dg.DagsterInstance) -> pd.DataFrame:
    """Return the table of estimated shares of wrong labels in the metadata of the last materialization.

    Returns:
        As `error_rates` returns it; empty if it was not recorded.
    """
    event = instance.get_latest_materialization_event(ISSUES.asset_key)
    materialization = event.asset_materialization if event else None
    recorded = materialization.metadata.get(_ESTIMATED) if materialization else None
    records = recorded.data if isinstance(recorded, dg.JsonMetadataValue) else []
    return pd.DataFrame(records, columns=list(RATE_COLUMNS))


STAGE = Stage([ISSUES], [issues])
