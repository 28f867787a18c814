"""`load_split` returns the arrays of a stored split without Dagster."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import notmnist_assets
from notmnist_assets import load_split
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.settings.deployment import SettingsError
from notmnist_assets_tests.workspace import Workspace

LOAD = """
import sys
import notmnist_assets
assert "numpy" not in sys.modules
images, labels = notmnist_assets.load_split("sanitized/test")
print(len(images), len(labels), "dagster" in sys.modules)
"""


@pytest.mark.parametrize("name", [f"{group}/{name}" for group in ("splits", "sanitized", "grouped") for name in SPLITS])
def test_images_and_labels_are_those_of_the_asset(finished: Workspace, name: str) -> None:
    images, labels = load_split(name)
    split = finished.load(name)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(images, split.images)
    np.testing.assert_array_equal(labels, split.labels)


def test_normalized_images_are_the_assignments_floats(finished: Workspace) -> None:
    images, _ = load_split("sanitized/test", normalized=True)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, finished.load("sanitized/test").as_float32())


def test_the_arrays_belong_to_the_caller(finished: Workspace) -> None:
    images, labels = load_split("splits/test")
    images[:] = 0
    labels[:] = 0
    assert load_split("splits/test")[0].any()
    assert load_split("splits/test")[1].any()


def test_neither_the_package_nor_loading_imports_dagster(finished: Workspace) -> None:
    ended = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    rows = len(finished.load("sanitized/test"))
    assert ended.stdout.split() == [str(rows), str(rows), "False"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("sanitized/tset", "Did you mean sanitized/test?"), ("?", "sanitized/train"), ("sanitized", "sanitized/")],
)
def test_an_unknown_name_is_an_error_with_the_known_names(name: str, hint: str) -> None:
    with pytest.raises(CurationError) as caught:
        load_split(name)
    assert caught.value.subject == name
    assert hint in caught.value.remedy


def test_a_split_that_was_never_materialized_is_an_error_with_the_command(values: Path) -> None:
    with pytest.raises(CurationError, match="notmnist run") as caught:
        load_split("sanitized/test")
    assert str(values / "sanitized" / "test") in str(caught.value)


def test_a_damaged_file_is_an_error(workspace: Workspace) -> None:
    (path,) = workspace.storage.glob("custom/splits/test/*/labels.npy")
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(CurationError, match=r"the bytes of labels\.npy differ from those that were written"):
        load_split("splits/test")


def test_a_wrong_setting_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_PROFILE", "huge")
    with pytest.raises(SettingsError, match="NOTMNIST_PROFILE=huge"):
        load_split("splits/test")


def test_the_package_has_no_other_doors() -> None:
    with pytest.raises(AttributeError, match="load_everything"):
        _ = notmnist_assets.load_everything
