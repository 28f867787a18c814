"""Published numbers of the original data, and tables that compare results with them.

Sources: the archives at the URL of the assignment, and several public runs of the assignment, which agree.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

import pandas as pd

from notmnist_assets.curation.core.images import LETTERS

BASE_URL: Final = "https://commondatastorage.googleapis.com/books1000/"


_Row = tuple[str, int | str, int | str, str, str]
"""Quantity, published, found, evidence, source."""


class PublishedArchive(NamedTuple):
    """Size and digest of an original archive, and the pixel moments of its letters."""

    bytes: int
    sha256: str
    means: tuple[float, ...]
    deviations: tuple[float, ...]


ARCHIVES: Final = {
    "large": PublishedArchive(
        bytes=247_336_696,
        sha256="1e8261b75484b520dc76027f5c22af50fe608e3bb16277caec086eb928f9b61c",
        means=(
            -0.12825, -0.00756303, -0.142258, -0.0573678, -0.069899,
            -0.125583, -0.0945814, -0.0685221, 0.0307862, -0.153358,
        ),
        deviations=(
            0.443121, 0.454491, 0.439806, 0.455648, 0.452942,
            0.44709, 0.44624, 0.454232, 0.468899, 0.443656,
        ),
    ),
    "small": PublishedArchive(
        bytes=8_458_043,
        sha256="76b2ef7ccc56452964780569db37b279c9cbe1bf442c3b38be784752683b3cec",
        means=(
            -0.132626, 0.005356, -0.141521, -0.049217, -0.059915,
            -0.118185, -0.092550, -0.058689, 0.052645, -0.151689,
        ),
        deviations=(
            0.445128, 0.457115, 0.442690, 0.459759, 0.457350,
            0.452279, 0.449006, 0.458759, 0.471894, 0.448014,
        ),
    ),
}  # fmt: skip
"""By set. Means and standard deviations are of (pixel - 127.5) / 255, letters A to J."""

PUBLISHED: Final = "published"
INFERRED: Final = "inferred"
"""Evidence for a number: `PUBLISHED` if public runs of the assignment print it or the archives show it, `INFERRED` if
it is computed from printed percentages and may be wrong by a few units."""

SIZES: Final = {"train": 200_000, "valid": 10_000, "test": 10_000}
SEED: Final = 133
"""Sizes and seed of the split that the numbers below describe; files are in canonical order."""

READABLE: Final = {
    "large": (52_909, 52_911, 52_912, 52_911, 52_912, 52_912, 52_912, 52_912, 52_912, 52_911),
    "small": (1_872, 1_873, 1_873, 1_873, 1_873, 1_872, 1_872, 1_872, 1_872, 1_872),
}
"""Readable files of letters A to J, by set."""

REJECTED: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "large": {
        "A": (
            "RnJlaWdodERpc3BCb29rSXRhbGljLnR0Zg==.png",
            "SG90IE11c3RhcmQgQlROIFBvc3Rlci50dGY=.png",
            "Um9tYW5hIEJvbGQucGZi.png",
        ),
        "B": ("TmlraXNFRi1TZW1pQm9sZEl0YWxpYy5vdGY=.png",),
        "D": ("VHJhbnNpdCBCb2xkLnR0Zg==.png",),
    },
    "small": {
        "A": ("RGVtb2NyYXRpY2FCb2xkT2xkc3R5bGUgQm9sZC50dGY=.png",),
        "F": ("Q3Jvc3NvdmVyIEJvbGRPYmxpcXVlLnR0Zg==.png",),
    },
}
"""Names of the unreadable files, by set and letter; the other letters have none."""

DISTINCT: Final[Mapping[str, tuple[int, str]]] = {
    "small": (18_232, PUBLISHED),
    "train": (187_217, INFERRED),
    "valid": (9_872, INFERRED),
    "test": (9_780, PUBLISHED),
}
"""Distinct images (equal pixels) of the readable small files and of each split, with the evidence."""

SHARED_ROWS: Final = {
    ("valid", "train"): 1_067,
    ("test", "train"): 1_324,
    ("test", "valid"): 200,
    ("valid", "test"): 153,
}
"""Rows of the first split whose image is in the second split. Direction matters."""

SHARED_IMAGES: Final = {("valid", "train"): 953, ("test", "train"): 1_153, ("test", "valid"): 55}
"""Distinct images that are in both splits; inferred."""

UNSHARED_TEST_ROWS: Final = 8_639
"""Test rows whose image is neither in train nor in valid."""

_RUNS: Final = "public runs of the assignment"
_SMALL: Final = "the readable files of the small archive"
_PERCENTAGES: Final = "percentages that public runs of the assignment print"
_SOURCES: Final[Mapping[str, str]] = {
    "rows of valid in train": f"four {_RUNS}",
    "rows of test in train": f"five {_RUNS}",
    "rows of test in valid": "one public run of the assignment",
    "rows of valid in test": "one public run of the assignment",
    "distinct images, small": _SMALL,
    "distinct images, test": f"{_SMALL}, in the order of the canonical split",
    "distinct images, train": _PERCENTAGES,
    "distinct images, valid": _PERCENTAGES,
}
"""Where a number comes from, by quantity; public runs of the assignment for the others."""

RAW: Final = "raw"
UNSHARED: Final = "unshared"
SHARED: Final = "shared"
"""Scored test rows: all; those whose image is neither in train nor in valid by equal pixels; and the others."""
LIBLINEAR: Final = "one_vs_rest_liblinear"
SAG: Final = "one_vs_rest_sag"
LBFGS: Final = "multinomial_lbfgs"
"""Models whose accuracies were published, fitted on the first rows of the shuffled train split."""


class PublishedAccuracy(NamedTuple):
    """An accuracy that someone published.

    Attributes:
        model: the fitted model.
        train_rows: "50" ... "all".
        eval_rows: the scored test rows.
        accuracy: as printed.
        tolerance: largest difference that counts as agreement; None if the number cannot be repeated.
        source: where the number comes from, and how exact it is.
    """

    model: str
    train_rows: str
    eval_rows: str
    accuracy: float
    tolerance: float | None
    source: str


_THREE_RUNS: Final = "three public runs of the assignment, equal to four digits"
_ONE_SAG_RUN: Final = "one public run; sag stops before it has converged"
_SANITIZED_RUN: Final = "one public run, raw and sanitized; its solver is not known exactly"
_NOTEBOOK: Final = (
    "printed in the notebook of the assignment: unknown file order, scored on training images, cannot be repeated"
)
ACCURACIES: Final = (
    PublishedAccuracy(LIBLINEAR, "50", RAW, 0.5090, 5e-4, _THREE_RUNS),
    PublishedAccuracy(LIBLINEAR, "100", RAW, 0.6966, 5e-4, _THREE_RUNS),
    PublishedAccuracy(LIBLINEAR, "1000", RAW, 0.8333, 5e-4, _THREE_RUNS),
    PublishedAccuracy(LIBLINEAR, "5000", RAW, 0.8511, 5e-4, _THREE_RUNS),
    PublishedAccuracy(SAG, "all", RAW, 0.8932, 3e-3, _ONE_SAG_RUN),
    PublishedAccuracy(SAG, "all", RAW, 0.8922, 3e-3, _SANITIZED_RUN),
    PublishedAccuracy(SAG, "all", UNSHARED, 0.8815, 3e-3, _SANITIZED_RUN),
    PublishedAccuracy(SAG, "all", SHARED, 0.962, 6e-3, f"{_SANITIZED_RUN}; given as about .962"),
    PublishedAccuracy(LBFGS, "50", RAW, 0.567, None, _NOTEBOOK),
    PublishedAccuracy(LBFGS, "100", RAW, 0.684, None, _NOTEBOOK),
    PublishedAccuracy(LBFGS, "1000", RAW, 0.778, None, _NOTEBOOK),
    PublishedAccuracy(LBFGS, "5000", RAW, 0.777, None, _NOTEBOOK),
    PublishedAccuracy(LBFGS, "all", RAW, 0.840, None, _NOTEBOOK),
)


def compare_accuracies(reference: pd.DataFrame) -> pd.DataFrame:
    """Compare accuracies with the published ones.

    Only those of the canonical split of the original archives, with `SIZES` and `SEED`, can agree.

    Args:
        reference: as `reference.reference_table` returns it.

    Returns:
        One row per published accuracy, in the order of `ACCURACIES`: `model`, `train_rows`, `eval_rows`; `published`;
        `found`, NaN if the model was not fitted; `difference`; `tolerance`, NaN if the number cannot be repeated;
        `compared`: whether both are known and the number can be repeated; `agrees`: whether the difference is within
        the tolerance, True if nothing is compared; `source`.
    """
    table = pd.DataFrame(ACCURACIES).rename(columns={"accuracy": "published"}).astype({"tolerance": "float64"})
    keys = ["model", "train_rows", "eval_rows"]
    found = reference[[*keys, "accuracy"]].rename(columns={"accuracy": "found"})
    table = table.merge(found, on=keys, how="left")
    table["difference"] = table["found"] - table["published"]
    table["compared"] = table["found"].notna() & table["tolerance"].notna()
    # Rounded, so that a difference of exactly the tolerance is within it.
    table["agrees"] = ~table["compared"] | (table["difference"].abs().round(9) <= table["tolerance"])
    columns = (*keys, "published", "found", "difference", "tolerance", "compared", "agrees", "source")
    return table[list(columns)]


def compare_numbers(
    *,
    readable: Mapping[str, Mapping[str, int]] | None = None,
    rejected: Mapping[str, Mapping[str, Collection[str]]] | None = None,
    distinct: Mapping[str, int] | None = None,
    overlap_report: pd.DataFrame | None = None,
    unshared_test_rows: int | None = None,
) -> pd.DataFrame:
    """Compare results with the published numbers; arguments that are None are left out.

    Only results on the original archives can agree, and those of the splits only with `SIZES` and `SEED`.

    Args:
        readable: number of readable files, by set and letter.
        rejected: names of rejected files, by set and letter.
        distinct: number of distinct images, by split; of all readable small files as "small".
        overlap_report: as `overlap.overlap_report` returns it.
        unshared_test_rows: as `count_unshared_test_rows` returns it.

    Returns:
        One row per number: `quantity`; `published` and `found`, as text; `agrees`; `evidence`: published or inferred;
        `source`: where the number comes from.
    """
    rows = [*_file_rows(readable or {}, rejected or {})]
    for name, count in (distinct or {}).items():
        expected, evidence = DISTINCT[name]
        rows.append(_row(f"distinct images, {name}", expected, count, evidence))
    if overlap_report is not None:
        rows += _shared_rows(overlap_report)
    if unshared_test_rows is not None:
        rows.append(_row("rows of test in neither train nor valid", UNSHARED_TEST_ROWS, unshared_test_rows, PUBLISHED))
    table = pd.DataFrame(rows, columns=["quantity", "published", "found", "evidence", "source"]).astype("str")
    table.insert(3, "agrees", table["published"] == table["found"])
    return table


def count_unshared_test_rows(hashes: Mapping[str, pd.DataFrame]) -> int:
    """Return the number of test rows whose image is neither in train nor in valid, from the hash tables by split."""
    seen = pd.concat([hashes["train"]["exact"], hashes["valid"]["exact"]])
    return int((~hashes["test"]["exact"].isin(seen)).sum())


def _row(quantity: str, expected: int | str, found: int | str, evidence: str) -> _Row:
    return quantity, expected, found, evidence, _SOURCES.get(quantity, _PERCENTAGES if evidence == INFERRED else _RUNS)


def _join_names(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _file_rows(
    readable: Mapping[str, Mapping[str, int]], rejected: Mapping[str, Mapping[str, Collection[str]]]
) -> Iterator[_Row]:
    for set_name, counts in readable.items():
        for letter, count in counts.items():
            expected = READABLE[set_name][LETTERS.index(letter)]
            yield _row(f"readable files, {set_name} {letter}", expected, count, PUBLISHED)
    for set_name, names in rejected.items():
        for letter, found in names.items():
            known = REJECTED[set_name].get(letter, ())
            yield _row(f"rejected files, {set_name} {letter}", _join_names(known), _join_names(found), PUBLISHED)


def _shared_rows(overlap_report: pd.DataFrame) -> Iterator[_Row]:
    exact = overlap_report[overlap_report["method"] == "exact"].set_index(["rows_of", "found_in"])
    for pair, rows in SHARED_ROWS.items():
        yield _row(f"rows of {pair[0]} in {pair[1]}", rows, int(exact["rows"][pair]), PUBLISHED)
    for pair, images in SHARED_IMAGES.items():
        yield _row(f"distinct images of {pair[0]} in {pair[1]}", images, int(exact["distinct"][pair]), INFERRED)
