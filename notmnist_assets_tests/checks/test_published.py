"""The checks of published numbers compare the original archives, and nothing else."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from notmnist_assets.assets.value_loader import ValueLoader
from notmnist_assets.checks.published import letter_checks, optional_checks, result_checks
from notmnist_assets.curation.core import published
from notmnist_assets.curation.core.images import SETS
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.settings.model import read_settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets_tests.archives import BAD_FILES, LARGE_PER_LETTER, SMALL_PER_LETTER
from notmnist_assets_tests.checks.results import by_name, failed, results_of, shown
from notmnist_assets_tests.workspace import SIZES, Workspace

SETTINGS = SettingsResource()
RESULTS = {
    *(f"hashes/{name}:published_distinct" for name in SPLITS),
    "overlap/report:published_shared_rows",
    "overlap/report:published_shared_images",
    "baselines/reference:published_accuracies",
}


def check_published() -> dict[str, dg.AssetCheckResult]:
    """Return the results of all checks of published numbers for the stored values."""
    context = dg.build_asset_check_context()
    return by_name(
        result
        for check in (letter_checks, result_checks)
        for result in results_of(check(context, SETTINGS, ValueLoader(settings=SETTINGS)))
    )


def publish(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    """Replace the published numbers by those of the tiny archives."""
    hashes = {name: workspace.load(f"hashes/{name}")["exact"] for name in SPLITS}
    digests = {name: set(table) for name, table in hashes.items()}
    rejected = {set_name: {letter: (bad[0],) for letter, bad in BAD_FILES.items()} for set_name in SETS}
    numbers = {
        "SIZES": {name: int(SIZES[f"NOTMNIST_{name.upper()}_SIZE"]) for name in SPLITS},
        "READABLE": {"large": (LARGE_PER_LETTER,) * 10, "small": (SMALL_PER_LETTER,) * 10},
        "REJECTED": rejected,
        "DISTINCT": {name: (len(digests[name]), published.DISTINCT[name][1]) for name in SPLITS},
        "SHARED_ROWS": {(a, b): int(hashes[a].isin(digests[b]).sum()) for a, b in published.SHARED_ROWS},
        "SHARED_IMAGES": {(a, b): len(digests[a] & digests[b]) for a, b in published.SHARED_IMAGES},
        "ACCURACIES": [
            published.PublishedAccuracy(row.model, row.train_rows, row.eval_rows, row.accuracy, 5e-4, "this test")
            for row in workspace.load("baselines/reference").itertuples(index=False)
            if row.eval_rows == "raw"
        ],
        "UNSHARED_TEST_ROWS": sum(digest not in digests["train"] | digests["valid"] for digest in hashes["test"]),
    }
    for name, value in numbers.items():
        monkeypatch.setattr(published, name, value)


@pytest.fixture
def originals(finished: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Values of the tiny archives, stored for the profile full, with their numbers as published numbers."""
    publish(monkeypatch, finished)
    shutil.copytree(finished.storage / "custom", tmp_path / "full", ignore=shutil.ignore_patterns("exports", "cache"))
    monkeypatch.setenv("NOTMNIST_STORAGE", str(tmp_path))
    monkeypatch.setenv("NOTMNIST_PROFILE", "full")
    return finished


def test_the_checks_exist_if_there_are_published_numbers() -> None:
    full = {"NOTMNIST_PROFILE": "full"}
    assert optional_checks(read_settings({})) == []
    assert optional_checks(read_settings(full)) == [letter_checks, result_checks]
    assert optional_checks(read_settings({**full, "NOTMNIST_SEED": "7"})) == [letter_checks]


def test_results_that_agree_pass_and_show_both_numbers(originals: Workspace) -> None:
    results = check_published()
    assert originals.storage.is_dir()
    assert len(results) == 20 + len(RESULTS)
    assert failed(results.values()) == set()
    assert all(shown(result)[0] == shown(result)[1] for result in results.values())
    compared = results["overlap/report:published_shared_rows"].metadata["compared"]
    assert isinstance(compared, dg.TableMetadataValue)
    assert [record.data["quantity"] for record in compared.records] == [
        *(f"rows of {a} in {b}" for a, b in published.SHARED_ROWS),
        "rows of test in neither train nor valid",
    ]
    assert compared.records[1].data["found"] != "0"


WRONG: dict[str, tuple[str, object, dict[str, str]]] = {
    "readable": (
        "READABLE",
        {
            "large": (LARGE_PER_LETTER,) * 10,
            "small": (SMALL_PER_LETTER, SMALL_PER_LETTER + 1, *(SMALL_PER_LETTER,) * 8),
        },
        {"letters/small/B:published_files": "ERROR"},
    ),
    "rejected": (
        "REJECTED",
        {"large": {letter: (bad[0],) for letter, bad in BAD_FILES.items()}, "small": {"A": (BAD_FILES["A"][0],)}},
        {"letters/small/F:published_files": "ERROR"},
    ),
    "distinct": (
        "DISTINCT",
        {"train": (1, "inferred"), "valid": (1, "inferred"), "test": (1, "published")},
        {
            "hashes/train:published_distinct": "WARN",
            "hashes/valid:published_distinct": "WARN",
            "hashes/test:published_distinct": "ERROR",
        },
    ),
    "shared rows": ("SHARED_ROWS", {("test", "valid"): 99}, {"overlap/report:published_shared_rows": "ERROR"}),
    "rows left": ("UNSHARED_TEST_ROWS", 1, {"overlap/report:published_shared_rows": "ERROR"}),
    "accuracies": (
        "ACCURACIES",
        [published.PublishedAccuracy(published.LIBLINEAR, "50", published.RAW, 0.123, 5e-4, "this test")],
        {"baselines/reference:published_accuracies": "ERROR"},
    ),
    "shared images": ("SHARED_IMAGES", {("test", "valid"): 99}, {"overlap/report:published_shared_images": "WARN"}),
}


@pytest.mark.parametrize(("name", "value", "expected"), WRONG.values(), ids=list(WRONG))
@pytest.mark.usefixtures("originals")
def test_a_result_that_disagrees_fails_alone(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object, expected: dict[str, str]
) -> None:
    monkeypatch.setattr(published, name, value)
    results = check_published()
    assert {check: results[check].severity.name for check in failed(results.values())} == expected


def actual_values(results: dict[str, dg.AssetCheckResult], group: str) -> set[object]:
    assert failed(results.values()) == set()
    return {shown(result)[0] for name, result in results.items() if name.startswith(group)}


@pytest.mark.usefixtures("originals")
@pytest.mark.parametrize(("setting", "value"), [("SEED", "7"), ("TEST_SIZE", "90")])
def test_only_letters_are_compared_if_the_split_is_not_the_published_one(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setenv(f"NOTMNIST_{setting}", value)
    results = check_published()
    reason = "not compared: published numbers exist only for the profile full with default sizes and seed"
    assert actual_values(results, "hashes") == actual_values(results, "overlap") == {reason}
    assert actual_values(results, "baselines") == {reason}
    assert actual_values(results, "letters") == {2}


def test_other_data_are_not_compared(finished: Workspace) -> None:
    assert finished.storage.is_dir()
    results = check_published()
    assert actual_values(results, "letters") == {"not compared: published numbers exist only for the profile full"}
    assert actual_values(results, "hashes") == {
        "not compared: published numbers exist only for the profile full with default sizes and seed"
    }


def test_default_sizes_and_seed_are_the_published_ones() -> None:
    chosen = read_settings({"NOTMNIST_PROFILE": "full"})
    assert {name: getattr(chosen, f"{name}_size") for name in SPLITS} == published.SIZES
    assert chosen.seed == published.SEED


def test_a_difference_fails_its_check_in_a_run_and_does_not_stop_the_run(
    workspace: Workspace, originals: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workspace is originals
    monkeypatch.setattr(published, "DISTINCT", dict.fromkeys(SPLITS, (1, published.PUBLISHED)))
    result = workspace.run(["hashes/test", "overlap/report"])
    assert result.success
    passed = {
        f"{evaluation.asset_key.to_user_string()}:{evaluation.check_name}": evaluation.passed
        for evaluation in result.get_asset_check_evaluations()
        if evaluation.check_name.startswith("published")
    }
    assert passed == {
        "hashes/test:published_distinct": False,
        "overlap/report:published_shared_rows": True,
        "overlap/report:published_shared_images": True,
    }
