"""Differences between a materialization and the present definition, in the words that `notmnist status` prints."""

from typing import Any

import pytest

from notmnist_assets.staleness.materializations import Materialization
from notmnist_assets.staleness.reasons import definition_change


def code_version(version: str, settings: dict[str, Any]) -> str:
    return " ".join([version, *(f"{name}={value}" for name, value in settings.items())])


def change(
    defined: dict[str, Any],
    used: dict[str, Any],
    present: dict[str, Any],
    *,
    versions: tuple[str, str] = ("3", "3"),
) -> str | None:
    """Return the difference between two definitions.

    Args:
        defined: settings of the environment of the materialization.
        used: settings of its run.
        present: settings of the present environment.
        versions: declared code versions, that of the materialization and the present one.
    """
    tags = {"dagster/code_version": code_version(versions[0], defined)}
    last = Materialization(storage_id=1, tags=tags, stored_version="ab", settings={"profile": "custom", **used})
    return definition_change(last, code_version(versions[1], present), present)


SETTINGS = {"seed": 133, "near_radius": None, "near_shifts": False, "archives": "/a folder/x"}


def test_the_same_definition_is_no_change() -> None:
    assert change(SETTINGS, SETTINGS, SETTINGS) is None
    assert change({}, {}, {}) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"seed": 13}, "the setting seed changed from 133 to 13"),
        ({"near_radius": 3.0}, "the setting near_radius changed from unset to 3"),
        ({"archives": "/a folder/y"}, "the setting archives changed from /a folder/x to /a folder/y"),
        (
            {"seed": 7, "near_shifts": True},
            "the setting seed changed from 133 to 7, the setting near_shifts changed from false to true",
        ),
    ],
)
def test_a_changed_setting_is_named_with_both_values(changed: dict[str, Any], reason: str) -> None:
    assert change(SETTINGS, SETTINGS, SETTINGS | changed) == reason


def test_a_changed_code_version_is_named_with_both_values() -> None:
    assert change(SETTINGS, SETTINGS, SETTINGS, versions=("3", "4")) == "its code version changed from 3 to 4"
    assert change(SETTINGS, SETTINGS, SETTINGS, versions=("1-3, 4", "1-3, 5")) == (
        "its code version changed from 1-3, 4 to 1-3, 5"
    )
    assert change({}, {}, {}, versions=("1, 2", "1, 3")) == "its code version changed from 1, 2 to 1, 3"
    assert change({}, {}, {"seed": 1}, versions=("", "4")) == "its code version changed from none to 4"


def test_settings_of_the_run_alone_are_named() -> None:
    reason = "was materialized with run-specific settings (near_radius=3)"
    assert change(SETTINGS, SETTINGS | {"near_radius": 3.0}, SETTINGS) == reason


def test_settings_of_the_run_that_are_now_those_of_the_environment_remain_a_reason() -> None:
    specific = SETTINGS | {"seed": 13}
    assert change(SETTINGS, specific, specific) == "was materialized with run-specific settings (seed=13)"


def test_a_setting_that_was_not_recorded_counts_as_unchanged_while_the_code_version_is_the_same() -> None:
    without = {name: value for name, value in SETTINGS.items() if name != "seed"}
    assert change(SETTINGS, without, SETTINGS) is None
    assert change(without, without, SETTINGS) == "not all of its settings were recorded"
