"""Checks of `exports/*`: the files hold what the splits hold.

Belongs here: reading files back by another way than the one that wrote them.
"""

from collections.abc import Sequence

import dagster as dg
from upath import UPath

from notmnist_assets.assets.inputs import for_check, split_inputs
from notmnist_assets.checks.results import judged
from notmnist_assets.curation.errors import CurationError
from notmnist_assets.curation.pickle_export import disagreements
from notmnist_assets.curation.splits import SPLITS
from notmnist_assets.curation.values import Split

_PICKLE = dg.AssetKey(["exports", "pickle"])


@dg.multi_asset_check(
    name="export_checks",
    specs=[
        dg.AssetCheckSpec(
            "agrees_with_splits",
            asset=_PICKLE,
            additional_deps=[["splits", name] for name in SPLITS],
            description="Each array of the file has, byte for byte, the rows of its split. The file is read opcode"
            " by opcode and never unpickled.",
        )
    ],
    ins={
        "file": dg.AssetIn(key=_PICKLE, input_manager_key="export_io"),
        **for_check(split_inputs("splits")),
    },
)
def export_checks(file: UPath, train: Split, valid: Split, test: Split) -> dg.AssetCheckResult:
    """Compare the file to the splits."""
    try:
        with file.open("rb") as opened:
            problems = disagreements({"train": train, "valid": valid, "test": test}, opened)
    except CurationError as error:
        problems = [str(error)]
    return judged(
        _PICKLE,
        "agrees_with_splits",
        passed=not problems,
        actual=len(problems),
        threshold=0,
        problems="; ".join(problems) or "none",
    )


CHECKS: Sequence[dg.AssetChecksDefinition] = [export_checks]
