"""Copies of exports are complete, and replace existing files only with --force."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest
from rich.console import Console

from notmnist_assets.cli import app
from notmnist_assets.cli.export import ExportName, deliver, deliver_report, stored_gallery
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.curation.report.page import SECTIONS
from notmnist_assets.definitions import defs
from notmnist_assets.storage.store import Manifest, ValueStore
from notmnist_assets_tests.curation.report.pages import read_page
from notmnist_assets_tests.specs import asset_specs
from notmnist_assets_tests.workspace import Workspace

FILE, FOLDER = ExportName.NPZ, ExportName.IDX
CONTENTS = {FILE: {"a.npz": b"new"}, FOLDER: {"one.gz": b"1", "two.gz": b"22"}}


def fill(store: ValueStore) -> None:
    for name, contents in CONTENTS.items():
        files = {file: partial(write, content) for file, content in contents.items()}
        store.write(["exports", name], "ab" * 32, files, {})


def write(content: bytes, file: BinaryIO) -> None:
    file.write(content)


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ValueStore:
    store = ValueStore(str(tmp_path / "values") if request.param == "local" else request.getfixturevalue("bucket"))
    fill(store)
    return store


def below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_every_export_can_be_delivered() -> None:
    exports = {spec.key.path[1] for spec in asset_specs(defs) if spec.group_name == "exports"}
    assert exports == set(ExportName)


def test_one_file_goes_to_the_path_or_into_the_folder(store: ValueStore, out: Path) -> None:
    assert deliver(store, FILE, out / "deep" / "er.npz") == out / "deep" / "er.npz"
    assert deliver(store, FILE, out) == out / "a.npz"
    assert below(out) == {"deep/er.npz": b"new", "a.npz": b"new"}


@pytest.mark.parametrize("prepared", [False, True], ids=["to be made", "empty"])
def test_several_files_become_a_folder(store: ValueStore, out: Path, prepared: bool) -> None:
    if prepared:
        (out / "x" / "y").mkdir(parents=True)
    assert deliver(store, FOLDER, out / "x" / "y") == out / "x" / "y"
    assert below(out) == {"x/y/one.gz": b"1", "x/y/two.gz": b"22"}


@pytest.mark.parametrize("name", [FILE, FOLDER])
def test_nothing_is_replaced_unless_forced(store: ValueStore, out: Path, name: ExportName) -> None:
    target = next(iter(CONTENTS[name]))
    before = {target: b"mine", "other": b"mine too"}
    for file_name, content in before.items():
        (out / file_name).write_bytes(content)
    with pytest.raises(CurationError, match="--force") as caught:
        deliver(store, name, out)
    assert caught.value.subject == str(out)
    assert below(out) == before
    deliver(store, name, out, force=True)
    assert below(out) == {"other": b"mine too", **CONTENTS[name]}


def test_a_folder_in_place_of_a_file_and_the_reverse_are_errors_even_with_force(store: ValueStore, out: Path) -> None:
    (out / "a.npz").mkdir()
    (out / "file").write_bytes(b"mine")
    with pytest.raises(CurationError, match="is a folder"):
        deliver(store, FILE, out, force=True)
    with pytest.raises(CurationError, match="this export is a folder"):
        deliver(store, FOLDER, out / "file", force=True)
    with pytest.raises(CurationError, match="the copy failed"):
        deliver(store, FILE, out / "file" / "below.npz", force=True)
    assert below(out) == {"file": b"mine"}


class _Breaking(ValueStore):
    """A store whose second file cannot be read."""

    def open(self, key: Sequence[str], stored: Manifest, name: str) -> BinaryIO:
        if name == "two.gz":
            raise ConnectionError("the line was cut")
        return super().open(key, stored, name)


@pytest.mark.parametrize("there", [{}, {"one.gz": b"mine"}], ids=["nothing there", "forced"])
def test_a_failed_copy_leaves_existing_files_unchanged(tmp_path: Path, out: Path, there: dict[str, bytes]) -> None:
    fill(ValueStore(str(tmp_path / "v")))
    target = out / "folder"
    if there:
        target.mkdir()
        (target / "one.gz").write_bytes(b"mine")
    with pytest.raises(CurationError, match="the line was cut"):
        deliver(_Breaking(str(tmp_path / "v")), FOLDER, target, force=True)
    assert below(out) == {f"folder/{name}": content for name, content in there.items()}
    assert not list(out.rglob(".exporting-*"))


@pytest.mark.parametrize("stop_at", range(5))
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_copy_that_is_stopped_while_it_replaces_files_puts_the_old_ones_back(
    stop_at: int, error: type[BaseException], tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ValueStore(str(tmp_path / "v"))
    fill(store)
    before = {"one.gz": b"old", "two.gz": b"old", "other": b"mine too"}
    for name, content in before.items():
        (out / name).write_bytes(content)
    rename, renamed = Path.rename, 0

    def stop(source: Path, target: Path) -> Path:
        nonlocal renamed
        if renamed == stop_at:
            raise error
        renamed += 1
        moved = rename(source, target)
        files = below_visible(out)
        assert not (b"old" in [files.get("one.gz"), files.get("two.gz")] and {b"1", b"22"} & set(files.values()))
        return moved

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stop)
        if stop_at < 4:
            with pytest.raises(CurationError if error is OSError else error):
                deliver(store, FOLDER, out, force=True)
        else:
            deliver(store, FOLDER, out, force=True)
    assert below(out) == (before if stop_at < 4 else {"other": b"mine too", **CONTENTS[FOLDER]})
    assert {path.name for path in out.iterdir()} == set(before)


def below_visible(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in below(folder).items() if "/" not in name}


def test_a_folder_with_the_name_of_a_file_is_not_replaced(store: ValueStore, out: Path) -> None:
    (out / "two.gz").mkdir()
    (out / "two.gz" / "mine").write_bytes(b"mine")
    with pytest.raises(CurationError, match="is a folder"):
        deliver(store, FOLDER, out, force=True)
    assert below(out) == {"two.gz/mine": b"mine"}


def test_pipes_devices_and_links_to_nowhere_are_never_replaced(store: ValueStore, out: Path) -> None:
    os.mkfifo(out / "pipe")
    (out / "link").symlink_to(out / "nowhere")
    (out / "one.gz").symlink_to(out / "one.gz")
    for name, place in ((FILE, out / "pipe"), (FILE, out / "link"), (FOLDER, out)):
        with pytest.raises(CurationError, match="is not a regular file"):
            deliver(store, name, place, force=True)
    assert (out / "pipe").is_fifo()
    assert (out / "link").is_symlink()
    assert {path.name for path in out.iterdir()} == {"pipe", "link", "one.gz"}


def test_a_name_that_no_file_system_accepts_is_an_error(store: ValueStore, out: Path) -> None:
    with pytest.raises(CurationError, match="the copy failed"):
        deliver(store, FILE, out / ("x" * 300))


def test_an_export_that_was_never_materialized_is_an_error_with_the_command(store: ValueStore, out: Path) -> None:
    with pytest.raises(CurationError, match="notmnist run") as caught:
        deliver(store, ExportName.PARQUET, out / "x")
    assert caught.value.subject == "exports/parquet"
    assert below(out) == {}


@pytest.mark.parametrize("name", list(ExportName))
def test_the_command_copies_the_stored_export(finished: Workspace, out: Path, name: ExportName) -> None:
    stored = finished.load(f"exports/{name}")
    ended = finished.notmnist("export", name, str(out / "copy"))
    assert ended.code == 0, ended.err
    assert str(out / "copy") in ended.out
    if stored.is_dir():
        assert below(out / "copy") == below(Path(stored))
    else:
        assert (out / "copy").read_bytes() == stored.read_bytes()
    again = finished.notmnist("export", name, str(out / "copy"))
    assert again.code == 1
    assert "--force" in again.err
    assert finished.notmnist("export", name, str(out / "copy"), "--force").code == 0


def test_the_command_knows_its_exports(finished: Workspace, out: Path) -> None:
    ended = finished.notmnist("export", "csv", str(out / "copy"))
    assert ended.code == 2
    assert all(name in ended.err for name in ExportName)


def test_the_report_is_copied_under_the_rules_of_exports(finished: Workspace, out: Path) -> None:
    stored = finished.load("report/html")
    ended = finished.notmnist("report", str(out / "mine.html"))
    assert ended.code == 0, ended.err
    assert f"The report is in {out / 'mine.html'}" in ended.out
    copy = read_page((out / "mine.html").read_text(encoding="utf-8"))
    assert copy.problems == []
    checks = copy.tables["checks-table"]
    assert {**read_page(stored.read_text(encoding="utf-8")).tables, "checks-table": checks} == copy.tables
    assert ["sanitized/test", "no_shared_images", "passed", "0", "0"] in checks
    outcomes = [row[2] for row in checks]
    assert outcomes == sorted(outcomes, key=lambda outcome: outcome != "warned")
    assert outcomes[0] == "warned"
    again = finished.notmnist("report", str(out / "mine.html"))
    assert again.code == 1
    assert "--force" in again.err
    assert finished.notmnist("report", str(out / "mine.html"), "--force").code == 0
    assert finished.notmnist("report", str(out)).code == 0
    assert set(below(out)) == {"mine.html", "report.html"}


def test_the_report_is_copied_without_results_of_checks_if_the_history_cannot_be_read(
    finished: Workspace, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = finished.load("report/html").read_bytes()
    monkeypatch.setenv("DAGSTER_HOME", str(out / "file" / "history"))
    (out / "file").write_text("in the way")
    ended = finished.notmnist("report", str(out / "page.html"))
    assert ended.code == 0, ended.err
    assert ended.err.startswith("Without the results of checks: ")
    assert (out / "page.html").read_bytes() == stored


def test_the_gallery_is_opened_in_place_or_copied(
    finished: Workspace, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = finished.load("report/gallery")
    visited: list[str] = []
    monkeypatch.setattr("webbrowser.open", visited.append)
    ended = finished.notmnist("gallery")
    assert ended.code == 0, ended.err
    assert f"The gallery is in {stored}" in ended.out
    assert visited == [], "the output is not a terminal"
    monkeypatch.setattr(app, "_console", Console(force_terminal=True))
    assert finished.notmnist("gallery").code == 0
    assert visited == [stored.absolute().as_uri()]
    assert finished.notmnist("gallery", str(out)).code == 0
    assert (out / "gallery.html").read_bytes() == stored.read_bytes()
    assert "--force" in finished.notmnist("gallery", str(out)).err


def test_a_gallery_that_was_never_materialized_is_an_error_with_the_command(store: ValueStore) -> None:
    with pytest.raises(CurationError, match="notmnist run") as caught:
        stored_gallery(store)
    assert caught.value.subject == "report/gallery"


def test_a_report_that_was_never_materialized_is_an_error_with_the_command(store: ValueStore, out: Path) -> None:
    with pytest.raises(CurationError, match="notmnist run") as caught:
        deliver_report(store, out / "x.html")
    assert caught.value.subject == "report/html"


def test_the_stored_report_contains_the_run(finished: Workspace) -> None:
    page = read_page(finished.load("report/html").read_text(encoding="utf-8"))
    assert page.problems == []
    assert page.sections == list(SECTIONS)
    contents = {row[0]: row[1] for row in page.tables["contents-table"]}
    made = {spec.key.to_user_string() for spec in asset_specs(defs)}
    assert set(contents) == {key for key in made if not key.startswith(("exports", "grouped", "report"))}
    assert contents["splits/test"] == finished.metadata("splits/test")["stored_version"].value
    rows = {row[0]: row for row in page.tables["balance-table"]}
    assert int(rows["all"][6]) == len(finished.load("sanitized/test"))
    assert str(finished.root) not in finished.load("report/html").read_text(encoding="utf-8")


def test_the_report_repeats_to_the_byte(workspace: Workspace) -> None:
    before = workspace.load("report/html").read_bytes()
    assert workspace.run(["baselines/metrics", "report/html"]).success
    assert workspace.load("report/html").read_bytes() == before
