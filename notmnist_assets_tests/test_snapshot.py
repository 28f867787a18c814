"""Compares the specs of all assets and checks with those stored in `specs.txt`, so that a review sees each change."""

import difflib
import os
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

import dagster as dg
import pytest

from notmnist_assets.assets.declaration import Declaration
from notmnist_assets.definitions import DECLARATIONS, build_definitions
from notmnist_assets.settings.deployment import PREFIX
from notmnist_assets.settings.model import read_settings

SNAPSHOT: Final = Path(__file__).with_name("specs.txt")
COMMAND: Final = "uv run python -m notmnist_assets_tests.test_snapshot"
PROFILES: Final[Mapping[str, Mapping[str, str]]] = {
    "sample": {"PROFILE": "sample"},
    "full": {"PROFILE": "full"},
    "custom": {"PROFILE": "custom", "ARCHIVES": "archives", "GROUPED_FONTS": "true"},
}
"""Settings under which the specs are read: each check that depends on a setting is there for at least one of them."""


def test_the_specs_are_those_of_the_snapshot() -> None:
    stored, current = SNAPSHOT.read_text(encoding="utf-8").splitlines(), specs().splitlines()
    changes = "\n".join(difflib.unified_diff(stored, current, "stored", "current", n=5, lineterm=""))
    assert not changes, f"assets or checks changed; if intended, run `{COMMAND}` and commit specs.txt:\n{changes}"


def test_the_snapshot_does_not_depend_on_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = specs()
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in {"PROFILE": "full", "STORAGE": str(tmp_path), "SEED": "7", "NEAR_SHIFTS": "true"}.items():
        monkeypatch.setenv(PREFIX + name, value)
    monkeypatch.chdir(tmp_path)
    assert specs() == before
    assert str(tmp_path) not in before


def specs() -> str:
    """Return the specs of all assets with their checks as text, in the order of the flow.

    Neighbours that differ in nothing but the key, such as the ten letters of a set, share one description.
    """
    graphs = {name: _definitions(settings) for name, settings in PROFILES.items()}
    described = {declaration.key: _description(declaration, graphs) for declaration in DECLARATIONS.values()}
    return "\n".join(
        "\n".join([*(key for key, _ in same), description])
        for description, same in groupby(described.items(), lambda item: item[1])
    )


def _description(declaration: Declaration, graphs: Mapping[str, dg.Definitions]) -> str:
    key = declaration.asset_key
    by_profile = {"\n".join(_asset_lines(declaration, graph.resolve_assets_def(key))) for graph in graphs.values()}
    assert len(by_profile) == 1, f"{declaration.key} depends on the settings"
    return "\n".join([*by_profile, *_check_lines(key, graphs), ""])


def _definitions(settings: Mapping[str, str]) -> dg.Definitions:
    return build_definitions(read_settings({PREFIX + name: value for name, value in settings.items()}))


def _asset_lines(declaration: Declaration, asset: dg.AssetsDefinition) -> Iterator[str]:
    spec = asset.get_asset_spec(declaration.asset_key)
    yield f"  group: {spec.group_name}"
    yield f"  kinds: {', '.join(sorted(spec.kinds))}"
    yield f"  code version: {declaration.code_version}"
    if declaration.relevant_settings:
        yield f"  settings: {', '.join(declaration.relevant_settings)}"
    for name, column in declaration.columns.items():
        yield f"  column: {name} {column.type}"
    for dep in sorted(dep.asset_key.to_user_string() for dep in spec.deps):
        yield f"  dep: {dep}"


def _check_lines(key: dg.AssetKey, graphs: Mapping[str, dg.Definitions]) -> Iterator[str]:
    """Yield a line for each check of an asset, in order of the names, with its profiles unless it is in all."""
    found: dict[str, list[str]] = {}
    for profile, definitions in graphs.items():
        for check in definitions.asset_checks or ():
            for spec in check.check_specs:
                if spec.asset_key == key:
                    found.setdefault(f"{spec.name}{', blocking' if spec.blocking else ''}", []).append(profile)
    for words, profiles in sorted(found.items()):
        yield f"  check: {words}" + ("" if len(profiles) == len(graphs) else f", only for {', '.join(profiles)}")


if __name__ == "__main__":
    SNAPSHOT.write_text(specs(), encoding="utf-8", newline="\n")
