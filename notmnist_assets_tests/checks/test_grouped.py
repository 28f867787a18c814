"""The checks of grouped splits: a group or a font in two splits, and unbalanced classes."""

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.checks.grouped import grouped_checks, grouped_fonts_check, grouped_rows_check
from notmnist_assets.checks.within_split import WITHIN_SPLIT_CHECKS
from notmnist_assets.curation.core.values import Split
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets_tests.builders import split_of
from notmnist_assets_tests.checks.results import BALANCED, by_name, failed, results_of, shown
from notmnist_assets_tests.workspace import Workspace

RADIUS = 2.0


def clean() -> dict[str, Split]:
    return {
        name: split_of(
            np.random.default_rng(seed).integers(0, 256, (len(BALANCED), 28, 28), np.uint8), BALANCED, name=name
        )
        for seed, name in enumerate(SPLITS)
    }


def check_splits(splits: dict[str, Split]) -> list[dg.AssetCheckResult]:
    radius = pd.DataFrame({"radius": [0.0, RADIUS], "chosen": [False, True]})
    return results_of(grouped_checks(dg.build_asset_check_context(), SettingsResource(), **splits, radius=radius))


def check_fonts(splits: dict[str, Split]) -> list[dg.AssetCheckResult]:
    return results_of(grouped_fonts_check(dg.build_asset_check_context(), SettingsResource(), **splits))


def with_row(split: Split, image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Split:
    images = np.array(split.images)
    images[7] = image
    return Split(images, split.labels, split.sources)


def test_splits_that_share_nothing_pass() -> None:
    results = by_name(check_splits(clean()))
    assert len(results) == 16
    assert all(result.passed for result in results.values())


def test_an_image_in_two_splits_fails() -> None:
    splits = clean()
    splits["test"] = with_row(splits["test"], splits["valid"].images[7])
    assert failed(check_splits(splits)) == {"grouped/test:no_shared_images", "grouped/test:no_near_duplicates"}


def test_a_near_image_in_two_splits_fails_as_an_error() -> None:
    splits = clean()
    near = np.array(splits["train"].images[3])
    near[0, 0] ^= 0x40
    splits["valid"] = with_row(splits["valid"], near)
    results = check_splits(splits)
    assert failed(results) == {"grouped/valid:no_near_duplicates"}
    assert by_name(results)["grouped/valid:no_near_duplicates"].severity == dg.AssetCheckSeverity.ERROR


def test_a_font_in_two_splits_fails_if_fonts_must_stay_in_one_split(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = clean()
    sources = splits["test"].sources.copy()
    sources.loc[[3, 8], "font"] = splits["valid"].sources["font"].iloc[5]
    splits["test"] = Split(splits["test"].images, splits["test"].labels, sources)
    not_required = by_name(check_fonts(splits))["grouped/test:no_shared_fonts"]
    assert not_required.passed
    assert shown(not_required) == (1, "not required: NOTMNIST_GROUPED_FONTS=false")
    monkeypatch.setenv("NOTMNIST_GROUPED_FONTS", "true")
    results = check_fonts(splits)
    assert failed(results) == {"grouped/test:no_shared_fonts"}
    result = by_name(results)["grouped/test:no_shared_fonts"]
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert shown(result) == (1, 0)
    examples = result.metadata["examples"]
    assert isinstance(examples, dg.TableMetadataValue)
    assert [record.data["row"] for record in examples.records] == [3, 8]
    gallery = result.metadata["look_at_rows"]
    assert isinstance(gallery, dg.DagsterAssetMetadataValue)
    assert gallery.asset_key == dg.AssetKey(["report", "gallery"])


def test_a_row_that_is_no_image_of_the_letters_fails(finished: Workspace) -> None:
    splits = finished.load_all([f"grouped/{name}" for name in SPLITS])
    train, valid, test = splits.values()

    def check_rows(test: Split) -> list[dg.AssetCheckResult]:
        values = ValueLoader(settings=SettingsResource())
        context = dg.build_asset_check_context()
        return results_of(grouped_rows_check(context, values, train=train, valid=valid, test=test))

    assert failed(check_rows(test)) == set()
    results = check_rows(with_row(test, 255 - test.images[7]))
    assert failed(results) == {"grouped/test:rows_are_letters"}
    assert shown(by_name(results)["grouped/test:rows_are_letters"]) == (1, 0)


@pytest.mark.parametrize("required", [True, False])
def test_with_the_setting_the_graph_keeps_each_font_in_one_split_and_checks_it(
    required: bool, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTMNIST_GROUPED_FONTS", str(required).lower())
    ended = workspace.run([f"grouped/{name}" for name in SPLITS])
    assert ended.success
    checked = {
        evaluation.asset_key.to_user_string(): evaluation
        for evaluation in ended.get_asset_check_evaluations()
        if evaluation.check_name == "no_shared_fonts"
    }
    assert set(checked) == ({"grouped/valid", "grouped/test"} if required else set()), "no check without the setting"
    fonts = {name: set(workspace.load(f"grouped/{name}").sources["font"]) for name in SPLITS}
    assert all(fonts.values())
    shared = {
        "grouped/valid": fonts["valid"] & fonts["train"],
        "grouped/test": fonts["test"] & (fonts["train"] | fonts["valid"]),
    }
    for key, fonts_of_both in shared.items():
        assert bool(fonts_of_both) != required
        if required:
            assert checked[key].passed
            assert checked[key].metadata["actual"].value == 0


def test_a_moved_image_in_two_splits_fails_with_shifts(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = clean()
    splits["valid"] = with_row(splits["valid"], np.pad(splits["train"].images[3], ((1, 0), (0, 0)))[:28])
    assert failed(check_splits(splits)) == set()
    monkeypatch.setenv("NOTMNIST_NEAR_SHIFTS", "true")
    assert failed(check_splits(splits)) == {"grouped/valid:no_near_duplicates"}


def test_repeats_near_repeats_and_contradictions_fail_whatever_the_method_of_sanitizing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOTMNIST_SANITIZE_METHOD", "exact")
    splits = clean()
    splits["train"] = with_row(splits["train"], splits["train"].images[17])
    near = np.array(splits["test"].images[8])
    near[0, 0] ^= 0x40
    splits["test"] = with_row(splits["test"], near)
    results = check_splits(splits)
    expected = {"train": ("no_repeats", "no_near_repeats"), "test": ("no_near_repeats", "no_contradictions")}
    assert failed(results) == {f"grouped/{split}:{name}" for split, names in expected.items() for name in names}
    monkeypatch.setenv("NOTMNIST_SANITIZE_CONFLICTS", "keep")
    monkeypatch.setenv("NOTMNIST_SANITIZE_REPEATS", "keep")
    assert failed(check_splits(splits)) == set()


def test_a_letter_with_fewer_rows_than_the_setting_allows_is_a_warning() -> None:
    splits = clean()
    splits["train"] = splits["train"].take(np.array([row for row in range(100) if row % 10 != 8 or row < 20]))
    results = check_splits(splits)
    assert failed(results) == {"grouped/train:class_balance"}
    result = by_name(results)["grouped/train:class_balance"]
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert shown(result) == ("5: most A 10, fewest I 2", "at most 1.1")


def test_checks_of_an_empty_split_warn_that_there_are_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_GROUPED_FONTS", "true")
    splits = clean()
    splits["test"] = splits["test"].take(np.empty(0, np.intp))
    results = [*check_splits(splits), *check_fonts(splits)]
    names = ("no_shared_images", "no_near_duplicates", "class_balance", "no_shared_fonts", *WITHIN_SPLIT_CHECKS)
    assert failed(results) == {f"grouped/test:{name}" for name in names}
    for name in names:
        result = by_name(results)[f"grouped/test:{name}"]
        assert shown(result) == ("no rows", "at least 1 row")
        assert result.severity == dg.AssetCheckSeverity.WARN
