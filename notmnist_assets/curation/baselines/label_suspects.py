"""Ranks training rows whose label is likely wrong, by models that were fitted on other rows."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from notmnist_assets.curation.baselines.evaluation import BaselineModel, pixel_rows
from notmnist_assets.curation.core.gallery import Exhibit
from notmnist_assets.curation.core.images import LETTERS, Images
from notmnist_assets.curation.core.values import Split

SUSPECT_COLUMNS: Final = ("row", "given", "likely", "margin", "font", "name")
_DIGITS: Final = 4
"""Decimals of a probability that count: kernels of BLAS agree to about nine."""


def judging_models(models: Iterable[BaselineModel], train: Split) -> list[BaselineModel]:
    """Return those models that were fitted on the first rows of the raw `train`, on half of them at most.

    Models of sanitized rows are left out, since their first rows lie elsewhere in `train`; those of more rows, since
    they leave few to judge.
    """
    return [one for one in models if one.train_on == "raw" and 2 * one.fitted_rows <= len(train)]


def label_suspects(train: Split, models: Iterable[BaselineModel]) -> pd.DataFrame:
    """Rank the training rows whose letter the judging models doubt, the most certain doubts first.

    The measure is the margin of C. Northcutt, L. Jiang and I. Chuang (Confident Learning, Journal of Artificial
    Intelligence Research 70, 2021), out of sample as there: the probability of the likeliest letter less that of the
    given one, here of the mean over models of different numbers of rows, whose mistakes differ: in the rendered sample
    it finds more wrong labels among the first 24, 50 and 100 rows than each of the models alone, and than the margin of
    scores or of log-probabilities.

    Args:
        train: the merged training split.
        models: those that there are; of them, `judging_models` are asked, and no row is ranked that one of these
            was fitted on.

    Returns:
        The rows whose likeliest letter is another than the given one, the largest margin first, of equal ones the
        first row. `row`: of `train`; `given`, `likely`: letters; `margin`: above 0, at most 1; `font`, `name`: of the
        file. Empty without a judging model.
    """
    judges = judging_models(models, train)
    first = max((one.fitted_rows for one in judges), default=len(train))
    labels = train.labels[first:]
    mean = np.round(_mean_probabilities(judges, train.images[first:]), _DIGITS)
    likely = mean.argmax(axis=1)
    margin = np.round(mean.max(axis=1, initial=0) - mean[np.arange(len(labels)), labels], _DIGITS)
    order = np.argsort(-margin, kind="stable")
    order = order[margin[order] > 0]
    found = first + order
    letters = np.array(list(LETTERS))
    sources = train.sources.iloc[found]
    return pd.DataFrame(
        {
            "row": found,
            "given": letters[train.labels[found]],
            "likely": letters[likely[order]],
            "margin": margin[order],
            "font": sources["font"].to_numpy(),
            "name": sources["name"].to_numpy(),
        },
        columns=list(SUSPECT_COLUMNS),
    )


def suspect_exhibits(train: Split, suspects: pd.DataFrame, count: int) -> list[Exhibit]:
    """Return the first `count` suspects as pictures, each with the letter that it carries and the likely one."""
    return [
        Exhibit(f"{one['given']}, likely {one['likely']}", train.images[one["row"]][None])
        for one in suspects.head(count).to_dict("records")
    ]


def _mean_probabilities(models: list[BaselineModel], images: Images) -> npt.NDArray[np.float64]:
    """Return the mean probability of each letter over the models, float64 (n, 10)."""
    total = np.zeros((len(images), len(LETTERS)))
    if len(images):
        for one in models:
            total[:, one.estimator.classes_] += one.estimator.predict_proba(pixel_rows(images))
    return total / max(len(models), 1)
