"""`notmnist show` prints numbers, tables, checks, files and pictures of an asset."""

import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from notmnist_assets.cli import show
from notmnist_assets.cli.inspection import Inspection, inspect_asset, write_pictures
from notmnist_assets.cli.terminal import assets_table
from notmnist_assets.curation.core.errors import CurationError
from notmnist_assets.settings.model import read_settings
from notmnist_assets.storage.store import ValueStore
from notmnist_assets_tests.workspace import Workspace


def inspected(workspace: Workspace, name: str) -> Inspection:
    with workspace.instance() as instance:
        return inspect_asset(workspace.definitions, instance, ValueStore(read_settings().storage_root), name, "custom")


def test_numbers_tables_checks_and_files_are_shown(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = finished.notmnist("show", "letters/small/A")
    assert (ended.code, ended.err) == (0, "")
    for text in (
        *("members", "16", "rejected_files", "empty file", "time (UTC)", "complete", "passed"),
        *("images.npy", "rejected.parquet", str(finished.storage / "custom" / "letters" / "small" / "A")),
        "--pictures FOLDER",
    ):
        assert text in ended.out, text
    assert "base64" not in ended.out
    assert "▀" not in ended.out, "no pictures where there are no colours"


@pytest.mark.parametrize(
    "name", ["archives/large", "overlap/report", "sanitized/test", "exports/parquet", "report/html"]
)
def test_every_kind_of_asset_can_be_shown(finished: Workspace, name: str) -> None:
    ended = finished.notmnist("show", f"/{name}/")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(name)


@pytest.mark.parametrize(
    "name", ["baselines/metrics", "overlap/report", "overlap/near_pairs", "overlap/recall", "sanitized/removed"]
)
def test_a_narrow_terminal_folds_text_but_no_number_and_loses_nothing(finished: Workspace, name: str) -> None:
    inspection = inspected(finished, name)
    tables = {label: value for label, value in inspection.metadata.items() if isinstance(value, dg.TableMetadataValue)}
    rows = {"rows": inspection.metadata["rows"]} if "rows" in inspection.metadata else {}

    def printed(width: int) -> str:
        out = io.StringIO()
        console = Console(file=out, width=width)
        show.show(console, replace(inspection, files={}, metadata={**rows, **tables}))
        assert all(len(line.rstrip()) <= width for line in out.getvalue().splitlines())
        return out.getvalue()

    assert tables or name in ("overlap/near_pairs", "sanitized/removed")
    narrow, wide = printed(80), printed(1000)
    # Tables that do not fit are printed in parts, which repeat the leading columns.
    assert not Counter(re.sub(r"[─\s]", "", wide)) - Counter(re.sub(r"[─\s]", "", narrow))
    numbers = [word for word in wide.split() if re.fullmatch(r"[\d,]+(\.\d+)?", word)]
    assert numbers or name == "sanitized/removed"
    assert not Counter(numbers) - Counter(narrow.split())


def test_a_table_that_is_too_wide_is_printed_in_parts_that_repeat_its_leading_columns() -> None:
    columns = [
        show._Column("model", False, ["first", "second"]),
        *(show._Column(f"number_{index}", True, ["1,234", "5.678"]) for index in range(6)),
    ]
    parts = list(show._filled_tables("numbers", columns, 40))
    assert [str(part.title) for part in parts] == ["numbers (1 of 2)", "numbers (2 of 2)"]
    assert all(str(part.columns[0].header) == "model" for part in parts)
    assert sum(len(part.columns) - 1 for part in parts) == 6
    assert all(part.__rich_measure__(Console(width=40), Console(width=40).options).minimum <= 40 for part in parts)
    (whole,) = show._filled_tables("numbers", columns, 200)
    assert str(whole.title) == "numbers"


def test_a_check_is_shown_with_its_outcome_actual_and_threshold(finished: Workspace) -> None:
    checks = {check.name: check for check in inspected(finished, "overlap/report").checks}
    assert checks["no_leakage_exact"].outcome == "warned"
    assert re.fullmatch(r"\d+ rows \(.*\d+ of test\) with equal pixels", checks["no_leakage_exact"].actual)
    assert checks["no_leakage_exact"].threshold == "0"
    checks = {check.name: check for check in inspected(finished, "letters/large/F").checks}
    assert checks["complete"].outcome == "passed"
    assert checks["enough_images"].threshold == "at least 1"


def test_a_check_that_had_nothing_to_compare_with_did_not_pass(finished: Workspace) -> None:
    checks = {check.name: check for check in inspected(finished, "letters/large/F").checks}
    assert (checks["drift"].outcome, checks["drift"].actual) == ("not compared", "this is the first materialization")
    assert "published_files" not in checks
    with finished.instance() as instance:
        table = assets_table(finished.definitions, instance, "custom")
    by_asset = dict(zip(table.columns[0].cells, table.columns[3].cells, strict=True))
    assert by_asset["letters/large/F"] == "[green]4 passed[/green]"
    assert by_asset["hashes/test"] == "not compared"
    assert str(table.caption).startswith("34 checks had nothing to compare with")


def test_pictures_of_the_metadata_are_written_as_png_files(finished: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "pictures"
    ended = finished.notmnist("show", "overlap/radius", "--pictures", str(folder))
    assert ended.code == 0
    names = {path.name for path in folder.iterdir()}
    assert "overlap-radius-chart.png" in names
    assert all(f"written: {folder / name}" in ended.out for name in names)
    for path in folder.iterdir():
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "PNG"
            assert min(picture.size) >= 28
    assert finished.notmnist("show", "overlap/radius", "--pictures", str(folder)).code == 0, "again"
    assert {path.name for path in folder.iterdir()} == names


def test_a_contact_sheet_shows_the_stored_images(finished: Workspace, tmp_path: Path) -> None:
    (path,) = write_pictures(inspected(finished, "letters/small/B"), tmp_path)
    with Image.open(path) as picture:
        sheet = np.asarray(picture.convert("L"))
    assert path.name == "letters-small-B-pictures.png"
    sheet = sheet[::3, ::3]  # each pixel of an image is shown as 3x3
    assert np.array_equal(sheet[2:30, 2:30], finished.load("letters/small/B").images[0])


def test_font_leakage_is_explained_where_it_is_shown(finished: Workspace) -> None:
    inspection = inspected(finished, "overlap/report")
    assert "`font_leakage` in the metadata counts rows of valid and test whose font" in inspection.description
    shown = finished.notmnist("show", "overlap/report").out
    assert "rows: rows whose font has any letter in train" in shown
    assert "other_letter_share: share of rows whose font has a different letter in train" in shown


def test_a_folder_that_cannot_be_created_is_an_error(finished: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    ended = finished.notmnist("show", "overlap/radius", "--pictures", str(tmp_path / "file"))
    assert ended.code == 1
    assert "Name another folder." in ended.err
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("letters/smal/A", "letters/small/A"),
        ("overlap/raport", "overlap/report"),
        ("Sanitized/TEST", "sanitized/test"),
        ("zzzzzzzz", "notmnist status"),
        ("[/red]", "notmnist status"),
    ],
)
def test_an_unknown_asset_is_an_error_with_similar_names(finished: Workspace, name: str, meant: str) -> None:
    ended = finished.notmnist("show", name)
    assert (ended.code, ended.out) == (1, "")
    assert "there is no such asset" in ended.err
    assert meant in ended.err
    assert "Traceback" not in ended.err


def test_an_asset_that_was_never_materialized_is_an_error_with_the_command(finished: Workspace) -> None:
    store = ValueStore(read_settings().storage_root)
    with dg.instance_for_test() as empty, pytest.raises(CurationError, match="notmnist run") as caught:
        inspect_asset(finished.definitions, empty, store, "splits/test", "custom")
    assert caught.value.subject == "splits/test"
    assert caught.value.problem == "it was never materialized."


def test_a_colour_terminal_gets_pictures_in_half_blocks_of_the_right_colours(finished: Workspace) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="truecolor", width=60, legacy_windows=False)
    show.show(console, inspected(finished, "letters/small/A"))
    rendered = [line for line in out.getvalue().splitlines() if "▀" in line]
    assert rendered
    assert max(line.count("▀") for line in rendered) == 60
    assert "--pictures" not in out.getvalue()


def test_each_half_block_shows_two_pixels() -> None:
    pixels = np.array([[[255, 0, 0]] * 2, [[0, 0, 255]] * 2], np.uint8)
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    console = Console(force_terminal=True, color_system="truecolor", width=40, legacy_windows=False)
    lines = console.render_lines(show.HalfBlocks(png.getvalue()), pad=False)
    assert ["".join(part.text for part in line) for line in lines if line] == ["▀▀"]
    style = lines[0][0].style
    assert style is not None
    assert style.color is not None
    assert style.bgcolor is not None
    assert style.color.triplet == (255, 0, 0)
    assert style.bgcolor.triplet == (0, 0, 255)


def test_a_sample_is_printed_with_the_total_number_of_rows(
    finished: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "_MOST_ROWS", 4)
    total = len(finished.load("sanitized/removed"))
    assert f"4 of {total:,} rows; load the asset for all" in finished.notmnist("show", "sanitized/removed").out
