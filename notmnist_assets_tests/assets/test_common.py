"""Properties of all assets in the UI, of their definitions and after a run."""

import inspect
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from notmnist_assets import definitions
from notmnist_assets.assets.common import OWNER
from notmnist_assets.curation.core.images import LETTERS, SETS
from notmnist_assets.curation.core.values import LetterImages, Split
from notmnist_assets.curation.splitting.splits import SPLITS
from notmnist_assets.definitions import build_definitions, defs
from notmnist_assets.settings.model import read_settings
from notmnist_assets.settings.recorded import DECLARED_SETTINGS, MADE_WITH, recorded_settings, settings_to_record
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import Workspace

pytestmark = pytest.mark.long

SPECS = {spec.key.to_user_string(): spec for spec in sorted(asset_specs(defs), key=lambda spec: spec.key)}
ROLES = {"raw", "dataset", "evidence", "export"}
PROJECT = Path(__file__).parents[2]
every_asset = pytest.mark.parametrize("key", SPECS)


def function_of(key: str) -> Any:
    return defs.resolve_assets_def(SPECS[key].key).op.compute_fn.decorated_fn  # type: ignore[union-attr]


def stage_of(key: str) -> int:
    return int(SPECS[key].tags["stage"].partition("-")[0])


def numbers_of(finished: Workspace, key: str) -> set[str]:
    """The labels that the UI plots."""
    metadata = finished.metadata(key).items()
    return {label for label, value in metadata if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue)}


@every_asset
def test_every_asset_has_an_owner_tags_kinds_and_a_description(key: str) -> None:
    spec = SPECS[key]
    assert list(spec.owners) == [OWNER]
    assert OWNER.startswith("team:")
    assert spec.tags["role"] in ROLES
    assert spec.tags["stage"].endswith(f"-{spec.key.path[0]}")
    assert spec.kinds
    assert len(spec.description or "") > 80


@every_asset
def test_tags_name_the_set_letter_and_split_of_the_key(key: str) -> None:
    tags, path = SPECS[key].tags, SPECS[key].key.path
    for tag, values in (("set", SETS), ("letter", LETTERS), ("split", SPLITS)):
        named = [part for part in path[1:] if part in values]
        assert [tags[tag]] == named if named else tag not in tags


@every_asset
def test_every_description_ends_with_one_way_to_load_the_value(key: str) -> None:
    description = SPECS[key].description or ""
    assert description.count("\n\n") == 1
    what, usage = description.split("\n\n")
    assert what.strip().endswith(".")
    assert key.split("/")[-1] in usage
    commands = ("notmnist export", "notmnist report", "notmnist gallery")
    ways = [way for way in ("load_split(", "load_asset_value(", *commands) if way in usage]
    assert len(ways) == 1
    assert ("notmnist report" in usage) == (key == "report/html")
    assert ("notmnist gallery" in usage) == (key == "report/gallery")


def test_the_code_in_descriptions_loads_the_value(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    import notmnist_assets

    monkeypatch.setattr(definitions, "defs", finished.definitions)
    names = {"notmnist_assets": notmnist_assets}
    ways = {}
    for key in ("archives/small", "letters/small/A", "splits/test", "hashes/test", "sanitized/removed"):
        code = (SPECS[key].description or "").rpartition("Load it with `")[2].removesuffix("`.")
        exec(code if "=" in code else f"x = {code}", names)  # noqa: S102 - our own descriptions
        ways[key] = names["x"]
    assert len(ways["splits/test"]) == len(finished.load("splits/test"))  # type: ignore[arg-type]
    assert isinstance(ways["letters/small/A"], LetterImages)
    assert isinstance(ways["sanitized/removed"], pd.DataFrame)


@every_asset
def test_links_to_code_lead_to_the_function(key: str) -> None:
    (reference,) = SPECS[key].metadata["dagster/code_references"].code_references
    function = function_of(key)
    path = Path(reference.file_path)
    assert path == Path(inspect.getsourcefile(function) or "")
    assert path.parent == PROJECT / "notmnist_assets" / "assets"
    lines = path.read_text().splitlines()[reference.line_number - 1 :]
    assert ".asset(" in lines[0] or lines[0].strip() == "@dg.multi_asset("
    first = next(line.strip() for line in lines if line.strip().startswith("def "))
    assert first.startswith(f"def {function.__name__}(")


@every_asset
def test_every_definition_has_the_uri_and_the_names_of_its_settings(key: str) -> None:
    settings, spec = read_settings(), SPECS[key]
    assert spec.metadata["dagster/uri"] == f"{settings.storage_root}/{key}"
    for name in settings_to_record(spec.metadata):
        assert hasattr(settings, name)


def test_uri_and_code_version_of_definitions_are_those_of_the_environment() -> None:
    changed = build_definitions(read_settings(overrides={"storage": "s3://bucket/letters", "seed": 7}))
    (spec,) = (spec for spec in asset_specs(changed) if spec.key.path == ["splits", "test"])
    assert spec.metadata["dagster/uri"] == "s3://bucket/letters/sample/splits/test"
    assert str(spec.code_version).endswith(" seed=7")


@every_asset
def test_every_asset_with_rows_describes_each_column(finished: Workspace, key: str) -> None:
    rows = "dagster/row_count" in finished.metadata(key)
    schema = SPECS[key].metadata.get("columns")
    arrays = key in {"exports/npz", "exports/pickle", "exports/idx"}
    assert (schema is not None) == (rows and not arrays)
    for column in schema.columns if schema else []:
        assert column.description, column.name
        assert column.type, column.name


@pytest.mark.parametrize("key", [key for key, spec in SPECS.items() if "columns" in spec.metadata])
def test_the_described_columns_are_the_columns_of_the_value(finished: Workspace, key: str) -> None:
    described = [column.name for column in SPECS[key].metadata["columns"].columns]
    value = finished.load(key)
    if isinstance(value, pd.DataFrame):
        assert described == list(value.columns)
    elif isinstance(value, Split):
        assert described == ["image", "label", *value.sources.columns]
    elif isinstance(value, LetterImages):
        assert described == ["image", "name"]
    else:
        assert described == list(pd.read_parquet(value / "test.parquet").columns)


@every_asset
def test_every_materialization_records_its_settings_once(finished: Workspace, key: str) -> None:
    recorded = recorded_settings(finished.metadata(key))
    assert recorded["profile"] == "custom"
    assert set(recorded) == set(settings_to_record(SPECS[key].metadata))
    assert DECLARED_SETTINGS not in finished.metadata(key)
    assert MADE_WITH not in SPECS[key].metadata


@every_asset
def test_every_materialization_has_its_size_and_uri(finished: Workspace, key: str) -> None:
    metadata = finished.metadata(key)
    assert int(str(metadata["dagster/size_bytes"].value)) > 0
    place = build_definitions(read_settings()).resolve_assets_def(SPECS[key].key).specs_by_key[SPECS[key].key]
    assert str(metadata["dagster/uri"].value).startswith(f"{place.metadata['dagster/uri']}/")


def test_row_counts_are_those_of_the_values(finished: Workspace) -> None:
    for key in ("letters/small/A", "splits/valid", "hashes/test", "sanitized/train", "sanitized/removed"):
        assert finished.metadata(key)["dagster/row_count"].value == len(finished.load(key))
    clean = sum(len(finished.load(f"sanitized/{name}")) for name in SPLITS)
    assert {finished.metadata(f"exports/{name}")["dagster/row_count"].value for name in ("npz", "idx", "parquet")} == {
        clean
    }


def test_stages_are_numbered_in_the_order_of_the_flow() -> None:
    stages = defaultdict(set)
    for key, spec in SPECS.items():
        stages[spec.tags["stage"]].add(spec.key.path[0])
        parents = {dep.asset_key.to_user_string() for dep in spec.deps} & SPECS.keys() - {key}
        assert all(stage_of(parent) <= stage_of(key) for parent in parents), key
    assert all(len(groups) == 1 for groups in stages.values())
    assert len({stage_of(key) for key in SPECS}) == len(stages)


@pytest.mark.parametrize(
    "siblings",
    [
        [f"letters/{set_name}/{letter}" for set_name in SETS for letter in LETTERS],
        *([f"{group}/{name}" for name in SPLITS] for group in ("splits", "hashes", "sanitized", "grouped")),
        [f"archives/{set_name}" for set_name in SETS],
    ],
    ids=lambda siblings: siblings[0].split("/")[0],
)
def test_numbers_of_similar_assets_have_the_same_labels(finished: Workspace, siblings: list[str]) -> None:
    first, *others = (numbers_of(finished, key) for key in siblings)
    assert first
    assert all(other == first for other in others)


@pytest.mark.extended
def test_numbers_have_the_same_labels_in_every_run(workspace: Workspace) -> None:
    keys = ["splits/train", "splits/valid", "splits/test", "overlap/report", "overlap/radius", "baselines/metrics"]
    keys += [f"hashes/{name}" for name in SPLITS] + [f"sanitized/{name}" for name in (*SPLITS, "removed")]
    before = {key: numbers_of(workspace, key) for key in keys}
    config = {"resources": {"settings": {"config": {"seed": 7}}}}
    again = workspace.run([*keys, "overlap/near_pairs"], run_config=config)
    assert again.success, [event.message for event in again.all_events if event.is_failure]
    assert {key: numbers_of(workspace, key) for key in keys} == before


@every_asset
def test_freshness_of_archives_and_results_warns_after_months(key: str) -> None:
    policy: Any = SPECS[key].freshness_policy
    watched = SPECS[key].group_name in {"archives", "baselines", "exports", "report"}
    assert (policy is not None) == watched
    if watched:
        assert policy.warn_window.to_timedelta().days >= 90
        assert policy.warn_window.to_timedelta() < policy.fail_window.to_timedelta()


def test_every_check_has_a_description() -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.asset_check_keys:
        assert len(graph.get(key).description or "") > 30, key


LOAD = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import dagster
    from notmnist_assets.definitions import defs
    defs.resolve_job_def("refresh")
print([str(one.message) for one in caught if "beta" in str(one.message) or "preview" in str(one.message)])
"""


def test_loading_the_definitions_emits_no_warning() -> None:
    ended = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "[]"
    assert ended.stderr == ""
