"""Check of `report/gallery`: reads the stored page and compares it with the stored values."""

from collections.abc import Sequence
from typing import Final

import dagster as dg
import pandas as pd
from upath import UPath

from notmnist_assets.assets.gallery import GALLERY
from notmnist_assets.assets.letters import FILES
from notmnist_assets.assets.sanitized import REMOVED
from notmnist_assets.checks.results import check_result
from notmnist_assets.curation.report.gallery.page import BUDGET
from notmnist_assets.curation.report.gallery.reading import gallery_differences

_NAME: Final = "complete_and_faithful"


@dg.multi_asset_check(
    name="gallery_check",
    specs=[
        dg.AssetCheckSpec(
            _NAME,
            asset=GALLERY.asset_key,
            additional_deps=[REMOVED.asset_key, FILES.asset_key],
            description="The stored page is not larger than 25 MB and refers to no other file or address. It counts all"
            " removed rows and rejected files, and the removed rows that it shows have the stored reasons.",
        )
    ],
    ins={"page": GALLERY.check_input, "removed": REMOVED.check_input, "files": FILES.check_input},
)
def gallery_check(page: UPath, removed: pd.DataFrame, files: pd.DataFrame) -> dg.AssetCheckResult:
    """Parse the stored page and compare it with the values."""
    content = page.read_bytes()
    problems = [f"the page has {len(content):,} bytes"] if len(content) > BUDGET else []
    try:
        problems += gallery_differences(content.decode(), removed, files)
    except (ValueError, LookupError, TypeError) as error:
        problems.append(f"the page cannot be parsed: {error}. Materialize report/gallery again.")
    return check_result(
        GALLERY.asset_key,
        _NAME,
        passed=not problems,
        actual=len(problems),
        threshold=0,
        problems="; ".join(problems[:20]) or "none",
    )


CHECKS: Sequence[dg.AssetChecksDefinition] = [gallery_check]
