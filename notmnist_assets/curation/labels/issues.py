"""Finds rows whose label is likely wrong, and tells wrong labels, outliers, conflicts and blank images apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from notmnist_assets.curation.core.exhibits import Exhibit, source_lines
from notmnist_assets.curation.core.file_names import rows_by_file, source_table
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.prefetch import WorkMap
from notmnist_assets.curation.core.sampling import evenly_spaced, mixed_rows
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.labels.error_rates import error_rates
from notmnist_assets.curation.labels.features import Features
from notmnist_assets.curation.labels.folds import Folds, assign_folds
from notmnist_assets.curation.labels.prediction import pool_features, pool_images, predict_labels
from notmnist_assets.curation.sanitizing.grouping import Pool

WRONG_LABEL: Final = "wrong label"
OUTLIER: Final = "outlier"
CONFLICT: Final = "duplicate conflict"
BLANK: Final = "blank"
NO_ISSUE: Final = "none"
KINDS: Final = (WRONG_LABEL, OUTLIER, CONFLICT, BLANK)
NO_SPLIT: Final = "none"
ISSUE_COLUMNS: Final = (
    *("split", "row", "set", "letter", "name", "font"),
    *("likely", "label_quality", "kind", "rank", "fold", "fitted"),
)
LEAST_QUALITY: Final = 0.9
"""Labels of a lower quality are issues."""
_BLANK_CONTRAST: Final = 32
"""An image is blank if its lightest and its darkest pixel differ by less."""
_RATES: Final = (0.001, 0.5)
"""Least and largest share of wrong labels that qualities are computed with."""
_QUALITY_DIGITS: Final = 6
_LOG_ODDS_DIGITS: Final = 3
_REFERENCES: Final = 10_000
_NEIGHBOURS: Final = 10
_OUTLIER_SHARE: Final = 0.05
"""Share of letters with a likely label that count as unlike other letters too."""

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """The judgement of all labels.

    Attributes:
        table: one row per image of the pool, the least likely label first; see `label_issues`.
        rates: estimated shares of wrong labels by set, as `error_rates` returns them.
    """

    table: pd.DataFrame
    rates: pd.DataFrame


def pool_sources(pool: Pool) -> pd.DataFrame:
    """Return `set`, `letter`, `name` and `font` of each row of the pool, as in `Split.sources`."""
    names = [pool.letters[set_name][letter].names for set_name in SETS for letter in LETTERS]
    return source_table(SETS, pool.set_of, pool.label, np.concatenate(names))


def label_issues(
    pool: Pool, groups: Indices, splits: Mapping[str, Split], work_map: WorkMap | None = None
) -> LabelIssues:
    """Judge the label of each image of both sets.

    Args:
        pool: all images.
        groups: int64 (n,), duplicate group of each image, as `group_images` returns it.
        splits: train, valid and test, whose rows are images of the pool.
        work_map: computes the predictions; threads of this process by default.

    Returns:
        The table has one row per image: `split`, `row` (its row of the splits; "none" and -1 if no split has it);
        `set`, `letter`, `name`, `font`; `likely` (the most probable letter by the image alone); `label_quality` (0 to
        1, probability that the label is right; NaN if no model predicts the row); `kind` (one of KINDS, or "none");
        `rank` (1 to n: issues first, then by quality); `fold` (number of the model that predicts the row); `fitted`
        (whether the models of all other folds are fitted on it).
    """
    # With more threads, BLAS would add in another order.
    with threadpool_limits(1, user_api="blas"):
        return _judge(pool, groups, splits, work_map)


def _judge(pool: Pool, groups: Indices, splits: Mapping[str, Split], work_map: WorkMap | None) -> LabelIssues:
    labels = pool.label
    folds = assign_folds(pool.font, groups)
    features = pool_features(pool)
    probabilities = predict_labels(pool, folds, features, work_map).probabilities
    predicted = np.flatnonzero(~np.isnan(probabilities[:, 0]))
    rates = error_rates(probabilities[predicted], labels[predicted], pool.set_of[predicted], pool.font[predicted])
    log_odds, quality = np.full(len(labels), np.nan), np.full(len(labels), np.nan)
    if len(predicted):
        log_odds[predicted], quality[predicted] = label_qualities(
            probabilities[predicted], labels[predicted], _rate_of(rates, pool.set_of[predicted])
        )
    likely = labels.copy()
    likely[predicted] = probabilities[predicted].argmax(axis=1)
    kind = _kinds(pool, groups, folds, features, likely, quality)
    # Qualities near 0 differ in the log odds only.
    order = np.lexsort((*(np.nan_to_num(part, nan=np.inf) for part in (log_odds, quality)), kind == NO_ISSUE))
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(1, len(labels) + 1)
    sources = pool_sources(pool)
    split, row = _places(sources, splits)
    table = pd.DataFrame(
        {
            "split": pd.Series(split, dtype="str"),
            "row": row,
            **{name: sources[name].astype("str") for name in ("set", "letter", "name", "font")},
            "likely": pd.Series(np.array(list(LETTERS), object)[likely], dtype="str"),
            "label_quality": quality,
            "kind": pd.Series(kind, dtype="str"),
            "rank": rank,
            "fold": folds.fold,
            "fitted": folds.fitted,
        },
        columns=list(ISSUE_COLUMNS),
    )
    return LabelIssues(table.take(order).reset_index(drop=True), rates)


_PICTURED_FROM: Final = 1_000
"""Least likely labels from which pictures are chosen."""


def issue_exhibits(pool: Pool, table: pd.DataFrame, groups: npt.NDArray[np.int64], count: int) -> list[Exhibit]:
    """Return up to `count` of the first issues as pictures, each of another duplicate group, with letters mixed.

    Args:
        pool: the images of both archives.
        table: the table of issues.
        groups: int64 (n,), the duplicate group of each image of the pool.
        count: largest number of issues.
    """
    issues = table.head(_PICTURED_FROM)
    rows = rows_by_file(issues, pool_sources(pool))
    shown = mixed_rows(groups[rows], pool.label[rows], count)
    return [
        Exhibit(f"{one['rank']}: {one['letter']}, likely {one['likely']}", image[None], source_lines(one))
        for one, image in zip(issues.iloc[shown].to_dict("records"), pool_images(pool, rows[shown]), strict=True)
    ]


def without_issues(split: Split, issues: pd.DataFrame) -> Split:
    """Return the rows of a split that have no issue in the table of issues."""
    found = issues[issues["kind"] != NO_ISSUE]
    return split.take(np.flatnonzero(rows_by_file(split.sources, found) < 0))


def label_qualities(probabilities: Floats, labels: npt.NDArray[np.int32], rate: Floats) -> tuple[Floats, Floats]:
    """Return the logarithm of the odds that a label is right, and cleanlab's label quality.

    By the image alone, the letter has the given probabilities. The label is another piece of evidence: with the share
    of wrong labels e it is right with probability 1 - e, and each other letter has it with probability e / 9. cleanlab
    scores the label with the probabilities of letters after both.
    """
    # Imported here because importing cleanlab takes seconds.
    from cleanlab.rank import get_label_quality_scores

    places = np.arange(len(labels)), labels
    by_label = np.repeat((rate / (len(LETTERS) - 1))[:, None], len(LETTERS), axis=1)
    by_label[places] = 1 - rate
    combined = np.maximum(probabilities, np.finfo(np.float64).tiny) * by_label
    own = combined[places]
    combined[places] = 0
    log_odds = np.round(np.log(own) - np.log(combined.sum(axis=1)), _LOG_ODDS_DIGITS)
    combined[places] = own
    combined /= combined.sum(axis=1, keepdims=True)
    quality = get_label_quality_scores(labels, combined, method="self_confidence")
    return log_odds, np.round(quality, _QUALITY_DIGITS)


def _rate_of(rates: pd.DataFrame, set_of: Indices) -> Floats:
    """Return the estimated share of wrong labels of the set of each row, within limits."""
    by_set = rates.set_index("set")["wrong"].reindex(list(SETS)).to_numpy(np.float64)
    result: Floats = np.clip(by_set, *_RATES)[set_of]
    return result


def _kinds(
    pool: Pool, groups: Indices, folds: Folds, features: Features, likely: npt.NDArray[np.int32], quality: Floats
) -> npt.NDArray[np.object_]:
    kind = np.full(len(quality), NO_ISSUE, object)
    doubted = np.flatnonzero(quality < LEAST_QUALITY)
    kind[doubted] = WRONG_LABEL
    typical = np.flatnonzero(folds.fitted & (likely == pool.label) & (quality >= LEAST_QUALITY))
    kind[doubted[_outliers(pool, features, doubted, typical)]] = OUTLIER
    kind[_conflicting(groups, pool.label)] = CONFLICT
    kind[_blank(pool)] = BLANK
    return kind


def _outliers(pool: Pool, features: Features, doubted: Indices, typical: Indices) -> Mask:
    """Return which doubted rows are farther from their neighbours among typical rows than most of these are."""
    references = typical[evenly_spaced(len(typical), _REFERENCES)]
    if len(references) <= 2 * _NEIGHBOURS or not len(doubted):
        return np.zeros(len(doubted), np.bool_)
    # Imported here because importing cleanlab and scikit-learn takes seconds.
    from cleanlab.outlier import OutOfDistribution
    from sklearn.neighbors import NearestNeighbors

    near, others, unknown = (
        features.project(pool_images(pool, rows)) for rows in (references[::2], references[1::2], doubted)
    )
    neighbours = NearestNeighbors(n_neighbors=_NEIGHBOURS, metric="euclidean").fit(near)
    detector = OutOfDistribution({"k": _NEIGHBOURS, "knn": neighbours})
    of_others, of_unknown = (np.round(detector.score(features=part), _QUALITY_DIGITS) for part in (others, unknown))
    outliers: Mask = of_unknown < np.quantile(of_others, _OUTLIER_SHARE)
    return outliers


def _conflicting(groups: Indices, labels: npt.NDArray[np.int32]) -> Mask:
    """Return the rows that do not have the most frequent label of their duplicate group, all if there is a tie."""
    size = int(groups.max(initial=-1)) + 1
    counts = np.bincount(groups * len(LETTERS) + labels, minlength=size * len(LETTERS)).reshape(size, len(LETTERS))
    most = counts.max(axis=1, initial=0)
    unique = (counts == most[:, None]).sum(axis=1) == 1
    conflicting: Mask = (counts[groups, labels] < most[groups]) | ~unique[groups]
    return conflicting


def _blank(pool: Pool) -> Mask:
    """Return the rows whose images are of one gray value, or nearly so."""
    parts = []
    for set_name in SETS:
        for letter in LETTERS:
            flat = pool.letters[set_name][letter].images.reshape(-1, 28 * 28)
            parts.append(flat.max(axis=1, initial=0) - flat.min(axis=1, initial=255) < _BLANK_CONTRAST)
    return np.concatenate(parts)


def _places(sources: pd.DataFrame, splits: Mapping[str, Split]) -> tuple[npt.NDArray[np.object_], Indices]:
    """Return split and row of each file of `sources`, "none" and -1 if no split has it."""
    split, row = np.full(len(sources), NO_SPLIT, object), np.full(len(sources), -1, np.int64)
    for name, one in splits.items():
        found = rows_by_file(one.sources, sources)
        known = np.flatnonzero(found >= 0)
        split[found[known]], row[found[known]] = name, known
    return split, row
