"""Tests the documents: every command works, every name exists, every link has a target."""

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import click
import pytest
import typer

from notmnist_assets.cli import app
from notmnist_assets.curation.core import published
from notmnist_assets.definitions import build_definitions
from notmnist_assets.settings.deployment import FAILURE_WEBHOOK, PREFIX, STEPS
from notmnist_assets.settings.model import PROFILE_DEFAULTS, Settings, project_home, read_settings
from notmnist_assets_tests.documents import Command, Document, read_command
from notmnist_assets_tests.reader import ASSETS, Reader
from notmnist_assets_tests.workspace import Workspace

pytestmark = pytest.mark.long

MINE = {"NOTMNIST_PROFILE": "custom", "NOTMNIST_ARCHIVES": "mine"}
NOTEBOOK = "examples/explore.ipynb"
PAGES = sorted(f"docs/{path.name}" for path in (project_home() / "docs").glob("*.md"))
NAMES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", *PAGES, NOTEBOOK]
DOCUMENTS = {name: Document(name) for name in NAMES}
CHANGELOG = Document("CHANGELOG.md")
"""Only its links are tested: it also names commands and assets of other releases."""
README = DOCUMENTS["README.md"]
GROUPS = {key.split("/")[0] for key in ASSETS}
COMMANDS: Mapping[str, click.Command] = typer.main.get_command(app._app).commands  # type: ignore[attr-defined]


@pytest.fixture
def reader(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    folder = tmp_path / "clone"
    folder.mkdir()
    with ExitStack() as stack:
        yield Reader(folder, workspace, monkeypatch, stack)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_every_command_works_and_every_python_block_runs(name: str, reader: Reader) -> None:
    document = DOCUMENTS[name]
    for command in document.commands_in_blocks:
        reader.type(command)
    python = [[block.text] for block in document.blocks if block.language == "python" and block.path is None]
    if python:
        reader.run_python(python)
    typed = {tuple(command.words) for command in document.commands_in_blocks}
    for command in document.commands_in_sentences:
        if not command.is_synopsis and tuple(command.words) not in typed:
            typed.add(tuple(command.words))
            reader.type(command)


def test_an_unknown_command_fails(reader: Reader) -> None:
    with pytest.raises(pytest.fail.Exception, match="something new"):
        reader.type(read_command("uv run something new"))


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=NAMES)
def test_blocks_are_shell_python_or_text(document: Document) -> None:
    assert {block.language for block in document.blocks} <= {"sh", "python", "text"}


def test_each_example_names_its_command_as_a_document_does() -> None:
    documented = {tuple(command.words) for document in DOCUMENTS.values() for command in document.commands_in_blocks}
    for path in (project_home() / "examples").glob("*.py"):
        docstring = path.read_text(encoding="utf-8").split('"""')[1]
        named = {tuple(span.split()) for span in re.findall("`([^`]+ [^`]+)`", docstring)}
        assert ("uv", "run", "python", f"examples/{path.name}") in named
        assert named <= documented, path.name


def test_the_readme_links_every_document() -> None:
    assert {*NAMES, CHANGELOG.name} - {README.name} <= {link.partition("#")[0] for link in README.links}


def test_the_notebook_is_valid_and_has_no_outputs() -> None:
    notebook = json.loads((project_home() / NOTEBOOK).read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in notebook["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | code
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("document", [*DOCUMENTS.values(), CHANGELOG], ids=lambda document: document.name)
def test_links_have_targets(document: Document) -> None:
    for link in document.links:
        path, _, anchor = link.partition("#")
        if path.startswith(("https://", "http://")):
            continue
        target = (document.path.parent / path) if path else document.path
        assert target.exists(), f"{document.name} links to {link}"
        if anchor:
            assert anchor in Document(target.relative_to(project_home()).as_posix()).anchors, link


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=NAMES)
def test_named_assets_and_settings_exist(document: Document) -> None:
    settings = {PREFIX + field.upper() for field in Settings.model_fields} | {STEPS, FAILURE_WEBHOOK}
    for span in document.spans:
        if re.fullmatch(r"[a-z]+/[\w/*]+", span) and span.split("/")[0] in GROUPS:
            found = fnmatch.filter(ASSETS, span) or fnmatch.filter(ASSETS, f"{span}/*")
            assert found, f"{document.name} names {span}"
    named = set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", document.text))
    assert named <= settings


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=NAMES)
def test_options_of_commands_exist(document: Document) -> None:
    for command in [*document.commands_in_blocks, *document.commands_in_sentences]:
        if command.words[:3] == ["uv", "run", "notmnist"]:
            known = COMMANDS[command.words[3]]
            assert not known.hidden, command.text
            assert options_in(command) <= options_of(known), command.text


def test_the_table_of_commands_has_all_commands_with_their_options() -> None:
    shown = [read_command(row[0].strip("`")) for row in README.table("`uv run ...`")]
    assert {command.words[3]: options_in(command) for command in shown} == {
        name: options_of(known) for name, known in COMMANDS.items() if not known.hidden
    }


def test_the_table_of_settings_has_all_settings_with_their_defaults() -> None:
    rows = {row[0].strip("`"): row[1] for row in README.table("variable")}
    assert list(rows)[-2:] == [STEPS, FAILURE_WEBHOOK], "what the launchpad does not have"
    fields = Settings.model_fields
    assert set(rows) == {PREFIX + field.upper() for field in fields} | {STEPS, FAILURE_WEBHOOK}
    for name, field in fields.items():
        shown = rows[PREFIX + name.upper()]
        by_profile = {profile: str(values[name]) for profile, values in PROFILE_DEFAULTS.items() if name in values}
        assert dict(re.findall(r"`(\w+)`: <?([^,>]+)>?", shown)) == by_profile, name
        default = re.findall(r"`([\w.]+)`(?!:)", shown)
        assert default == ([] if field.default is None else [str(field.default).lower()]), name


def test_the_table_of_assets_covers_every_asset() -> None:
    patterns = [span for row in README.table("asset") for span in re.findall("`([^`]+)`", row[0])]
    assert {key for key in ASSETS if not any(fnmatch.fnmatch(key, pattern) for pattern in patterns)} == set()


def test_the_table_of_checks_covers_every_check() -> None:
    rows = DOCUMENTS["docs/operating.md"].table("check")
    blocking = {name: row[1] == "yes" for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    chosen = [{}, {"NOTMNIST_PROFILE": "full"}, {**MINE, "NOTMNIST_GROUPED_FONTS": "true"}]
    graphs = [build_definitions(read_settings(environment)) for environment in chosen]
    specs = [spec for graph in graphs for check in graph.asset_checks or () for spec in check.check_specs]
    assert blocking == {spec.name: spec.blocking for spec in specs}


def test_published_results_are_those_of_the_checks() -> None:
    table = " ".join(row[2] for row in README.table(""))
    rows = published.SHARED_ROWS
    for number in (
        *(sum(counts) for counts in published.READABLE.values()),
        sum(len(names) for letters in published.REJECTED.values() for names in letters.values()),
        *(rows[pair] for pair in (("valid", "train"), ("test", "train"), ("test", "valid"))),
        published.DISTINCT["test"][0],
        published.UNSHARED_TEST_ROWS,
    ):
        assert f"{number:,}" in table


def options_in(command: Command) -> set[str]:
    return set(re.findall(r"--[a-z-]+", command.text))


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts if option.startswith("--")} - {"--help"}
