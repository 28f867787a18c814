"""Settings of one run from the launchpad."""

import re
import shutil
from pathlib import Path
from typing import get_args

import dagster as dg
import pandas as pd
import pytest

from notmnist_assets.curation.duplicates.hashes import hash_table
from notmnist_assets.definitions import defs
from notmnist_assets.settings.model import Settings
from notmnist_assets.settings.resource import SettingsResource
from notmnist_assets_tests.builders import random_split


def test_the_launchpad_offers_every_setting_with_its_description() -> None:
    assert set(SettingsResource.model_fields) == set(Settings.model_fields)
    for name, field in SettingsResource.model_fields.items():
        assert field.description == Settings.model_fields[name].description
        assert field.default is None


CHOICES = [
    name for name, field in Settings.model_fields.items() if {type(one) for one in get_args(field.annotation)} == {str}
]


def validated(name: str, value: object) -> dict[str, object]:
    config = {"resources": {"settings": {"config": {name: value}}}}
    return dict(dg.validate_run_config(defs.resolve_job_def("refresh"), config))


@pytest.mark.parametrize("name", CHOICES)
def test_the_launchpad_rejects_a_wrong_choice_and_names_the_allowed_ones(name: str) -> None:
    choices = get_args(Settings.model_fields[name].annotation)
    with pytest.raises(dg.DagsterInvalidConfigError, match=re.escape(" | ".join(choices))):
        validated(name, "fuzzy")
    for choice in choices:
        assert validated(name, choice)
        if choice != "custom":  # It needs archives.
            assert getattr(SettingsResource(**{name: choice}).read(), name) == choice


def test_every_setting_with_choices_is_an_enum_in_the_launchpad() -> None:
    assert {"profile", "sanitize_method", "sanitize_remove", "sanitize_conflicts", "sanitize_repeats"} <= set(CHOICES)


def test_a_setting_of_the_run_takes_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_SEED", "7")
    assert SettingsResource().read().seed == 7
    assert SettingsResource(seed=8).read().seed == 8


def test_a_wrong_setting_fails_the_step_without_a_retry() -> None:
    with pytest.raises(dg.Failure, match="NOTMNIST_TRAIN_SIZE=15") as caught:
        SettingsResource(train_size=15).read()
    assert caught.value.allow_retries is False


def test_each_profile_has_its_own_folder_in_the_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_STORAGE", "s3://bucket/values/")
    assert SettingsResource(profile="sample").storage_root() == "s3://bucket/values/sample"
    assert SettingsResource(profile="full").storage_root() == "s3://bucket/values/full"


def test_a_setting_of_the_launchpad_reaches_the_io_managers_too(
    values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", str(tmp_path / "here"))

    @dg.asset(io_manager_key="table_io")
    def table() -> pd.DataFrame:
        return hash_table(random_split(3))

    for storage in ({"env": "HERE"}, str(tmp_path / "here")):
        config = {"resources": {"settings": {"config": {"storage": storage}}}}
        assert dg.materialize([table], resources=defs.resources, run_config=config).success
        assert (tmp_path / "here" / "custom" / "table" / "value.json").is_file()
        shutil.rmtree(tmp_path / "here")
    assert not values.exists()
