"""Settings through the launchpad."""

import dagster as dg
import pytest

from notmnist_assets.resources import SettingsResource
from notmnist_assets.settings import Settings


def test_the_launchpad_offers_every_setting_with_its_description() -> None:
    assert set(SettingsResource.model_fields) == set(Settings.model_fields)
    for name, field in SettingsResource.model_fields.items():
        assert field.description == Settings.model_fields[name].description
        assert field.default is None


def test_a_runs_own_setting_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_SEED", "7")
    assert SettingsResource().read().seed == 7
    assert SettingsResource(seed=8).read().seed == 8


def test_a_wrong_setting_fails_the_step_in_words() -> None:
    with pytest.raises(dg.Failure, match="NOTMNIST_TRAIN_SIZE=15") as caught:
        SettingsResource(train_size=15).read()
    assert caught.value.allow_retries is False


def test_profiles_never_share_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTMNIST_STORAGE", "s3://bucket/values/")
    assert SettingsResource(profile="sample").storage_root() == "s3://bucket/values/sample"
    assert SettingsResource(profile="full").storage_root() == "s3://bucket/values/full"
