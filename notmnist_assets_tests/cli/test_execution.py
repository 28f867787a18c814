"""A refresh materializes only what changed."""

import gzip
import io
import tarfile
import warnings

import dagster as dg
import pandas as pd
import pytest

from notmnist_assets.curation.core.images import LETTERS
from notmnist_assets.loading import RunSettingsWarning, load_split
from notmnist_assets.settings.model import read_settings
from notmnist_assets.staleness.plan import plan_refresh
from notmnist_assets_tests.automation.changes import change_a_letter
from notmnist_assets_tests.plain import plain_lines
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import Workspace, keys_of

pytestmark = pytest.mark.long


def data_version(workspace: Workspace, key: str) -> str:
    with workspace.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(key.split("/")))
    assert event is not None
    assert event.asset_materialization is not None
    return (event.asset_materialization.tags or {})["dagster/data_version"]


def test_without_changes_nothing_is_materialized(workspace: Workspace) -> None:
    outcome = workspace.refresh()
    assert outcome.success
    assert outcome.made == {}
    assert outcome.run_ids == ()
    assert workspace.runs_recorded() == 1


def test_the_same_letters_packed_anew_stop_at_the_letters_and_the_page_that_names_the_archive(
    workspace: Workspace,
) -> None:
    path = workspace.archives / "notMNIST_small.tar.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=9, mtime=1))
    outcome = workspace.refresh()
    assert outcome.success
    letters = {f"letters/small/{letter}" for letter in LETTERS}
    assert keys_of(outcome.made) == {"archives/small", *letters, "letters/files", "report/html"}
    assert len(outcome.run_ids) == 2


def test_members_that_are_no_letters_are_counted_and_suspicious_ones_separately(workspace: Workspace) -> None:
    path = workspace.archives / "notMNIST_small.tar.gz"
    tar = io.BytesIO(gzip.decompress(path.read_bytes()))
    with tarfile.open(fileobj=tar, mode="a") as added:
        for name in ("README", "../../etc/passwd"):
            added.addfile(tarfile.TarInfo(name))
    path.write_bytes(gzip.compress(tar.getvalue()))
    run = workspace.run(["archives/small", "letters/small/A"])
    assert run.success
    with workspace.instance() as instance:
        printed = "\n".join(entry.user_message for entry in instance.all_logs(run.run_id))
    assert "are not directly in a folder A to J: ../../etc/passwd, README" in printed
    assert "have an absolute path or .. in it: someone may have changed the archive: ../../etc/passwd" in printed


@pytest.mark.extended
def test_a_changed_letter_materializes_what_is_downstream(workspace: Workspace) -> None:
    """All small letters are read again with their archive; train and valid have rows of large letters only."""
    change_a_letter(workspace)
    before = {key: data_version(workspace, key) for key in ("letters/small/B", "letters/small/C", "splits/train")}
    outcome = workspace.refresh()
    assert outcome.success, outcome.failures
    made = keys_of(outcome.made)
    everything = keys_of([spec.key for spec in asset_specs(workspace.definitions)])
    large = {"archives/large", *(f"letters/large/{letter}" for letter in LETTERS)}
    assert made == everything - large - {
        f"{group}/{name}" for group in ("splits", "hashes") for name in ("train", "valid")
    }
    assert len(outcome.run_ids) == 3
    changed = {key for key, version in before.items() if data_version(workspace, key) != version}
    assert changed == {"letters/small/C"}
    searched = workspace.metadata("overlap/near_pairs")
    new_images = searched["distinct_images"].value - searched["images_seen_before"].value
    assert new_images == 1
    assert workspace.refresh().made == {}


def test_an_asset_with_a_deleted_file_is_materialized_again_with_the_same_bytes(workspace: Workspace) -> None:
    (path,) = (workspace.storage / "custom" / "overlap" / "report").glob("*/table.parquet")
    before = path.read_bytes()
    path.unlink()
    outcome = workspace.refresh()
    assert outcome.success
    assert keys_of(outcome.made) == {"overlap/report", "report/html"}
    (again,) = path.parent.parent.glob("*/table.parquet")
    assert again.read_bytes() == before
    assert workspace.load("overlap/report").equals(pd.read_parquet(io.BytesIO(before)))


def test_one_letter_can_be_materialized_alone(workspace: Workspace) -> None:
    before = workspace.bytes_stored()
    result = workspace.run(["letters/small/D"])
    assert result.success
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}
    assert made == {"letters/small/D"}
    checked = {evaluation.asset_key.to_user_string() for evaluation in result.get_asset_check_evaluations()}
    assert checked == {"letters/small/D"}
    assert workspace.bytes_stored() == before


@pytest.mark.parametrize("key", ["archives/small", "splits/valid", "sanitized/test"])
def test_any_asset_can_be_materialized_alone_with_its_checks(workspace: Workspace, key: str) -> None:
    before = workspace.bytes_stored()
    result = workspace.run([key])
    assert result.success
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}
    assert made == {key}
    assert workspace.bytes_stored() == before


@pytest.mark.extended
def test_a_setting_in_the_launchpad_applies_to_that_run_only(workspace: Workspace) -> None:
    splits = ["splits/train", "splits/valid", "splits/test"]
    result = workspace.run(splits, {"resources": {"settings": {"config": {"train_size": 100}}}})
    assert result.success
    assert len(workspace.load("splits/train")) == 100
    with workspace.instance() as instance:
        plan, _ = plan_refresh(workspace.definitions.resolve_asset_graph(), instance, read_settings())
    reason = "was materialized with run-specific settings (train_size=100)"
    assert [plan[dg.AssetKey(key.split("/"))] for key in splits] == [reason] * 3
    assert f"3 assets): {reason}" in workspace.notmnist("status").out
    first, *_ = plain_lines(str(workspace.metadata("splits/train")["summary"].value))
    assert first.startswith("Made with settings of one run only: train_size=100.")
    with pytest.warns(RunSettingsWarning, match=r"splits/train was .* of one run only: train_size=100\. notmnist run"):
        load_split("splits/train")
    # Downstream, in a run without this setting; but not where a setting of the run changes nothing.
    config = {"resources": {"settings": {"config": {"near_radius": 3.0}}}}
    assert workspace.run([f"hashes/{name}" for name in ("train", "valid", "test")], config).success
    first, *_ = plain_lines(str(workspace.metadata("hashes/train")["summary"].value))
    assert first.startswith("Made with settings of one run only: train_size=100.")
    assert workspace.refresh().success
    with warnings.catch_warnings():
        warnings.simplefilter("error", RunSettingsWarning)
        assert len(load_split("splits/train")[0]) == 200
    assert not str(workspace.metadata("splits/train")["summary"].value).startswith("- **Made with")


def test_a_wrong_setting_in_the_launchpad_fails_the_run_with_its_name(workspace: Workspace) -> None:
    result = workspace.run(["splits/train"], {"resources": {"settings": {"config": {"train_size": 15}}}})
    assert not result.success
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert "NOTMNIST_TRAIN_SIZE=15" in str(failure.step_failure_data.error_display_string)
