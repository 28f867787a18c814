"""What the documents say: every command works, every name exists, every link leads somewhere."""

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
from notmnist_assets.settings.model import (
    FAILURE_WEBHOOK,
    PREFIX,
    PROFILE_DEFAULTS,
    Settings,
    project_home,
    read_settings,
)
from notmnist_assets_tests.documents import Command, Document, read_command
from notmnist_assets_tests.reader import ASSETS, Reader
from notmnist_assets_tests.workspace import Workspace

MINE = {"NOTMNIST_PROFILE": "custom", "NOTMNIST_ARCHIVES": "mine"}
NOTEBOOK = "examples/explore.ipynb"
PAGES = sorted(f"docs/{path.name}" for path in (project_home() / "docs").glob("*.md"))
NAMES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", *PAGES, NOTEBOOK]
DOCUMENTS = {name: Document(name) for name in NAMES}
CHANGELOG = Document("CHANGELOG.md")
"""Its links are tested, but not its commands and assets: it also names those of other releases."""
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


def test_a_command_that_no_test_knows_fails(reader: Reader) -> None:
    with pytest.raises(pytest.fail.Exception, match="something new"):
        reader.type(read_command("uv run something new"))


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=NAMES)
def test_blocks_are_of_a_language_that_is_tested_or_no_code(document: Document) -> None:
    assert {block.language for block in document.blocks} <= {"sh", "python", "text"}


def test_the_training_script_says_how_to_run_it_as_the_readme_does() -> None:
    docstring = (project_home() / "examples" / "train.py").read_text().split('"""')[1]
    known = {tuple(command.words) for command in README.commands_in_blocks}
    said = [tuple(span.split()) for span in re.findall("`([^`]+ [^`]+)`", docstring)]
    assert said
    assert set(said) <= known


def test_the_notebook_is_valid_and_holds_no_outputs() -> None:
    notebook = json.loads((project_home() / NOTEBOOK).read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in notebook["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | code
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("document", [*DOCUMENTS.values(), CHANGELOG], ids=lambda document: document.name)
def test_links_lead_to_files_and_headings(document: Document) -> None:
    for link in document.links:
        path, _, anchor = link.partition("#")
        if path.startswith(("https://", "http://")):
            continue
        target = (document.path.parent / path) if path else document.path
        assert target.exists(), f"{document.name} links to {link}"
        if anchor:
            assert anchor in Document(target.relative_to(project_home()).as_posix()).anchors, link


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=NAMES)
def test_assets_and_settings_that_are_named_exist(document: Document) -> None:
    settings = {PREFIX + field.upper() for field in Settings.model_fields} | {FAILURE_WEBHOOK}
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


def test_the_table_of_commands_is_that_of_the_program() -> None:
    shown = [read_command(row[0].strip("`")) for row in README.table("`uv run ...`")]
    assert {command.words[3]: options_in(command) for command in shown} == {
        name: options_of(known) for name, known in COMMANDS.items() if not known.hidden
    }


def test_the_table_of_settings_names_each_with_its_default() -> None:
    rows = {row[0].strip("`"): row[1] for row in README.table("variable")}
    assert list(rows)[-1] == FAILURE_WEBHOOK
    fields = Settings.model_fields
    assert set(rows) == {PREFIX + field.upper() for field in fields} | {FAILURE_WEBHOOK}
    for name, field in fields.items():
        shown = rows[PREFIX + name.upper()]
        by_profile = {profile: str(values[name]) for profile, values in PROFILE_DEFAULTS.items() if name in values}
        assert dict(re.findall(r"`(\w+)`: <?([^,>]+)>?", shown)) == by_profile, name
        default = re.findall(r"`(\w+)`(?!:)", shown)
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


def test_published_results_are_those_that_the_graph_is_compared_with() -> None:
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
