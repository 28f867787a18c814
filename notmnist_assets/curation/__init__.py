"""The numeric library: from archives to letters, splits, duplicates, sanitized splits, baselines, exports and a report.

It works on arrays, tables and files, without Dagster. These are its public names, which `docs/library.md` describes;
everything else may change without notice. A name is imported when it is first used, so importing this package imports
neither pandas, Numba nor scikit-learn.

    >>> from notmnist_assets.curation import Split, hash_table, sanitize
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from notmnist_assets.curation.core.compiler_cache import use_writable_cache

if TYPE_CHECKING:
    from notmnist_assets.curation.baselines.confusion import confident_mistakes
    from notmnist_assets.curation.baselines.evaluation import Baselines, fit_baselines
    from notmnist_assets.curation.baselines.leakage import Twins, find_twins, leakage_table
    from notmnist_assets.curation.baselines.models import MODELS, Model
    from notmnist_assets.curation.baselines.reference import reference_table, unshared_rows
    from notmnist_assets.curation.baselines.scoring import row_groups
    from notmnist_assets.curation.core.errors import CurationError
    from notmnist_assets.curation.core.exhibits import Exhibit, contact_sheet, exhibit_sheet, pair_exhibit
    from notmnist_assets.curation.core.images import LETTERS, SETS, as_float32
    from notmnist_assets.curation.core.intervals import bootstrap_shares, percentile_interval, wilson_interval
    from notmnist_assets.curation.core.published import compare_accuracies, compare_numbers
    from notmnist_assets.curation.core.values import Archive, LetterImages, Split
    from notmnist_assets.curation.duplicates.hashes import hash_table
    from notmnist_assets.curation.duplicates.near import NearPairs, near_pairs
    from notmnist_assets.curation.duplicates.overlap import label_conflicts, overlap_report
    from notmnist_assets.curation.duplicates.pair_table import NearSearch, chosen_radius, radius_table, search_near
    from notmnist_assets.curation.duplicates.recall import recall_table
    from notmnist_assets.curation.duplicates.row_index import RowIndex
    from notmnist_assets.curation.exports.dataset_card import dataset_card
    from notmnist_assets.curation.exports.idx import write_files as idx_writers
    from notmnist_assets.curation.exports.npz import write_npz
    from notmnist_assets.curation.exports.parquet import write_files as parquet_writers
    from notmnist_assets.curation.exports.pickle_file import write_pickle
    from notmnist_assets.curation.labels.issues import LabelIssues, label_issues, without_issues
    from notmnist_assets.curation.reading.files import files_table
    from notmnist_assets.curation.reading.letters import read_letters
    from notmnist_assets.curation.report.data import ReportData
    from notmnist_assets.curation.report.gallery.data import GalleryData
    from notmnist_assets.curation.report.gallery.page import gallery_page
    from notmnist_assets.curation.report.page import report_page
    from notmnist_assets.curation.sanitizing.decision import Policy, Sanitizing, sanitize
    from notmnist_assets.curation.sanitizing.grouping import (
        Assignment,
        Pool,
        gather_splits,
        group_images,
        index_pool,
        left_out_images,
        pool_letters,
        split_pool,
    )
    from notmnist_assets.curation.sanitizing.overrides import RowOverrides, find_overridden_rows, read_overrides
    from notmnist_assets.curation.sanitizing.reconciliation import unreconciled_rows
    from notmnist_assets.curation.sanitizing.verification import (
        equal_rows,
        near_contradictions,
        near_repeats,
        near_rows,
    )
    from notmnist_assets.curation.splitting.splits import (
        SET_OF_SPLIT,
        SPLITS,
        SplitSizes,
        canonical_rows,
        gather,
        sizes_from_data,
    )

__all__ = [
    "LETTERS",
    "MODELS",
    "SETS",
    "SET_OF_SPLIT",
    "SPLITS",
    "Archive",
    "Assignment",
    "Baselines",
    "CurationError",
    "Exhibit",
    "GalleryData",
    "LabelIssues",
    "LetterImages",
    "Model",
    "NearPairs",
    "NearSearch",
    "Policy",
    "Pool",
    "ReportData",
    "RowIndex",
    "RowOverrides",
    "Sanitizing",
    "Split",
    "SplitSizes",
    "Twins",
    "as_float32",
    "bootstrap_shares",
    "canonical_rows",
    "chosen_radius",
    "compare_accuracies",
    "compare_numbers",
    "confident_mistakes",
    "contact_sheet",
    "dataset_card",
    "equal_rows",
    "exhibit_sheet",
    "files_table",
    "find_overridden_rows",
    "find_twins",
    "fit_baselines",
    "gallery_page",
    "gather",
    "gather_splits",
    "group_images",
    "hash_table",
    "idx_writers",
    "index_pool",
    "label_conflicts",
    "label_issues",
    "leakage_table",
    "left_out_images",
    "near_contradictions",
    "near_pairs",
    "near_repeats",
    "near_rows",
    "overlap_report",
    "pair_exhibit",
    "parquet_writers",
    "percentile_interval",
    "pool_letters",
    "radius_table",
    "read_letters",
    "read_overrides",
    "recall_table",
    "reference_table",
    "report_page",
    "row_groups",
    "sanitize",
    "search_near",
    "sizes_from_data",
    "split_pool",
    "unreconciled_rows",
    "unshared_rows",
    "wilson_interval",
    "without_issues",
    "write_npz",
    "write_pickle",
]

_NAMES_BY_MODULE: Final[Mapping[str, tuple[str, ...]]] = {
    "baselines.confusion": ("confident_mistakes",),
    "baselines.evaluation": ("Baselines", "fit_baselines"),
    "baselines.leakage": ("Twins", "find_twins", "leakage_table"),
    "baselines.models": ("MODELS", "Model"),
    "baselines.reference": ("reference_table", "unshared_rows"),
    "baselines.scoring": ("row_groups",),
    "core.errors": ("CurationError",),
    "core.exhibits": ("Exhibit", "contact_sheet", "exhibit_sheet", "pair_exhibit"),
    "core.images": ("LETTERS", "SETS", "as_float32"),
    "core.intervals": ("bootstrap_shares", "percentile_interval", "wilson_interval"),
    "core.published": ("compare_numbers", "compare_accuracies"),
    "core.values": ("Archive", "LetterImages", "Split"),
    "duplicates.hashes": ("hash_table",),
    "duplicates.near": ("NearPairs", "near_pairs"),
    "duplicates.overlap": ("label_conflicts", "overlap_report"),
    "duplicates.pair_table": ("NearSearch", "chosen_radius", "radius_table", "search_near"),
    "duplicates.recall": ("recall_table",),
    "duplicates.row_index": ("RowIndex",),
    "exports.dataset_card": ("dataset_card",),
    "exports.idx": ("idx_writers",),
    "exports.npz": ("write_npz",),
    "exports.parquet": ("parquet_writers",),
    "exports.pickle_file": ("write_pickle",),
    "labels.issues": ("LabelIssues", "label_issues", "without_issues"),
    "reading.files": ("files_table",),
    "reading.letters": ("read_letters",),
    "report.data": ("ReportData",),
    "report.gallery.data": ("GalleryData",),
    "report.gallery.page": ("gallery_page",),
    "report.page": ("report_page",),
    "sanitizing.decision": ("Policy", "Sanitizing", "sanitize"),
    "sanitizing.grouping": (
        "Assignment",
        "Pool",
        "gather_splits",
        "group_images",
        "index_pool",
        "left_out_images",
        "pool_letters",
        "split_pool",
    ),
    "sanitizing.overrides": ("RowOverrides", "find_overridden_rows", "read_overrides"),
    "sanitizing.reconciliation": ("unreconciled_rows",),
    "sanitizing.verification": ("equal_rows", "near_contradictions", "near_repeats", "near_rows"),
    "splitting.splits": ("SET_OF_SPLIT", "SPLITS", "SplitSizes", "canonical_rows", "gather", "sizes_from_data"),
}
_MODULE_OF: Final = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}
# Both exports write several files and name this function alike in their own modules.
_NAME_IN_MODULE: Final = {"idx_writers": "write_files", "parquet_writers": "write_files"}

# Before any module here imports Numba, which reads the variable once.
use_writable_cache()


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), _NAME_IN_MODULE.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names beside those that are loaded."""
    return sorted({*globals(), *__all__})
