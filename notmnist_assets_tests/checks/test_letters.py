"""The checks of letters fail on lost files, too few images and pixels that are no glyphs."""

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from notmnist_assets.checks.letters import CHECKS
from notmnist_assets.curation.images import SETS, Images
from notmnist_assets.curation.values import LetterImages
from notmnist_assets.failures import explained
from notmnist_assets.io_managers import LettersIOManager
from notmnist_assets.resources import SettingsResource
from notmnist_assets.storage import ValueStore
from notmnist_assets_tests.builders import letters_of
from notmnist_assets_tests.checks.judging import by_name, shown
from notmnist_assets_tests.workspace import Workspace

KEY = dg.AssetKey(["letters", "small", "B"])


def letter_of(images: Images, rejected: int = 0) -> LetterImages:
    names = np.array([f"{row}.png" for row in range(len(images))], dtype=object)
    bad = pd.DataFrame({"name": ["x"] * rejected, "bytes": [0] * rejected, "reason": ["empty"] * rejected})
    return LetterImages(images, names, bad)


def half_ink(count: int) -> Images:
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, :12] = 255
    return images


def judge(values: Path, letter: LetterImages, *, members: int | None, profile: str = "custom") -> dict[str, Any]:
    """Store a letter as if a run had made it, and check it."""
    manager = LettersIOManager()
    ValueStore(str(values.parent / profile)).write(
        KEY.path, manager._version(letter), manager._files(letter), {}
    )
    instance = dg.DagsterInstance.ephemeral()
    if members is not None:
        instance.report_runless_asset_event(dg.AssetMaterialization(KEY, metadata={"members": members}))
    context = dg.build_asset_check_context(instance=instance)
    checks = CHECKS[SETS.index("small")].get_asset_check_keys_for_asset(KEY) if False else None
    assert checks is None
    return context
