"""The checks of letters: lost files, too few images, pixels unlike letters, inverted colors, files outside A-J."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.checks.letters import CHECKS, archive_results
from notmnist_assets.curation.core.images import LETTERS, SETS, Images
from notmnist_assets.curation.core.values import LetterImages, OtherFiles
from notmnist_assets.curation.reading.files import files_table
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets.storage.io_managers import LettersIOManager
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.checks.results import by_name, results_of, shown

MEMBERS = 12
SETTINGS = SettingsResource()


def letter_of(images: Images, rejected: int = 0) -> LetterImages:
    names = np.array([f"{row}.png" for row in range(len(images))], dtype=object)
    bad = pd.DataFrame({"name": ["x"] * rejected, "bytes": [0] * rejected, "reason": ["empty"] * rejected})
    return LetterImages(images, names, bad)


def half_ink(count: int) -> Images:
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, :12] = 255
    return images


def judge_b(folder: Path, letter: LetterImages, members: int | None = MEMBERS) -> dict[str, dg.AssetCheckResult]:
    """Store all small letters as if a run had made them, `letter` as B, and return the results of B by check."""
    manager, store, instance = LettersIOManager, ValueStore(str(folder)), dg.DagsterInstance.ephemeral()
    for name in LETTERS:
        value = letter if name == "B" else letter_of(half_ink(MEMBERS))
        key = dg.AssetKey(["letters", "small", name])
        store.write(key.path, manager._version(value), manager._files(value), {})
        if members is not None:
            instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata={"members": members}))
    context = dg.build_asset_check_context(instance=instance)
    results = by_name(results_of(CHECKS[SETS.index("small")](context, SETTINGS, ValueLoader(settings=SETTINGS))))
    assert len(results) == 40
    return {name.split(":")[1]: result for name, result in results.items() if "/B:" in name}


def test_a_complete_letter_passes(values: Path) -> None:
    results = judge_b(values, letter_of(half_ink(MEMBERS - 1), rejected=1))
    assert all(result.passed for result in results.values())


def test_a_lost_file_fails(values: Path) -> None:
    result = judge_b(values, letter_of(half_ink(MEMBERS - 2), rejected=1))["complete"]
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert shown(result) == (MEMBERS - 1, MEMBERS)


def test_a_letter_without_a_recorded_number_of_files_fails(values: Path) -> None:
    assert not judge_b(values, letter_of(half_ink(MEMBERS)), members=None)["complete"].passed


def test_too_few_images_fail(values: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_MIN_SMALL", str(MEMBERS))
    result = judge_b(values, letter_of(half_ink(MEMBERS - 2), rejected=2))["enough_images"]
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert shown(result) == (MEMBERS - 2, f"at least {MEMBERS}")


@pytest.mark.parametrize("gray", [0, 128, 255], ids=["white", "gray", "black"])
def test_pixels_unlike_letters_fail(values: Path, gray: int) -> None:
    result = judge_b(values, letter_of(np.full((MEMBERS, 28, 28), gray, np.uint8)))["pixel_moments"]
    assert not result.passed
    actual, threshold = shown(result)
    assert f"mean {(gray - 127.5) / 255:.6f}" in str(actual)
    assert "-0.400000 to 0.400000" in str(threshold)


def test_the_full_profile_requires_the_published_moments(values: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_PROFILE", "full")
    result = judge_b(values.parent / "full", letter_of(half_ink(MEMBERS)), members=None)["pixel_moments"]
    assert not result.passed
    assert "0.005346 to 0.005366" in str(shown(result)[1])


def test_black_letters_on_white_paper_warn_by_letter_and_by_archive(values: Path) -> None:
    result = judge_b(values, letter_of(255 - framed(MEMBERS)))["dark_border"]
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert shown(result) == (1.0, 0.55)
    inverted = {letter: letter_of(255 - framed(MEMBERS)) for letter in LETTERS}
    of_archive = results_of_archives(inverted)["dark_border"]
    assert not of_archive.passed
    assert of_archive.severity == dg.AssetCheckSeverity.WARN
    assert shown(of_archive) == ("large 0.00, small 1.00", "at most 0.5")


@pytest.mark.parametrize(("outside", "passed"), [(0, True), (1, True), (2, False)])
def test_more_than_one_percent_of_files_outside_the_letters_warn(outside: int, passed: bool) -> None:
    others = OtherFiles(outside, tuple(f"small/K/{i}.png" for i in range(outside)))
    letters = {letter: replace(letter_of(framed(MEMBERS)), outside=others) for letter in LETTERS}
    result = results_of_archives(letters)["few_outside"]
    assert result.passed == passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert str(shown(result)[0]).endswith(f"({outside})")


def framed(count: int) -> Images:
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 1:-1, 1:-1] = 255
    return images


def results_of_archives(small: dict[str, LetterImages]) -> dict[str | None, dg.AssetCheckResult]:
    large = {letter: letter_of(framed(MEMBERS)) for letter in LETTERS}
    return {result.check_name: result for result in archive_results(files_table({"large": large, "small": small}))}
