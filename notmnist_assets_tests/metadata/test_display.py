"""Metadata for the UI: pictures within the budget, tables, and numbers that Dagster can store."""

import base64
import io
import json

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from notmnist_assets.curation.core.exhibits import Exhibit
from notmnist_assets.curation.summaries.text import LONGEST
from notmnist_assets.metadata.display import (
    MOST_RECORDS,
    PERCENT,
    PICTURE_BUDGET,
    SUMMARY,
    asset_page,
    contact_sheet_metadata,
    counts_table,
    exhibits,
    picture,
    plain,
    table,
)


def decoded(markdown: dg.MarkdownMetadataValue) -> Image.Image:
    assert markdown.value is not None
    data = markdown.value.partition("base64,")[2].partition(")")[0]
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.mark.parametrize("count", [1, 7, 100, 5000])
def test_a_contact_sheet_of_noise_stays_within_the_budget(count: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (count, 28, 28), np.uint8)
    sheet = contact_sheet_metadata(noise, "letters/large/A")
    assert sheet.value is not None
    assert len(sheet.value) <= PICTURE_BUDGET
    assert sheet.value.startswith("![letters/large/A: ")
    assert min(decoded(sheet).size) >= 28


def test_a_gallery_of_noise_shows_fewer_exhibits_within_the_budget() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 3, 28, 28), np.uint8)
    shown = [Exhibit(f"pair {place}", images) for place, images in enumerate(noise)]
    few, many = exhibits(shown[:2], "pairs", 1), exhibits(shown, "pairs", 1)
    assert len(many.value or "") <= PICTURE_BUDGET
    assert decoded(few).height < decoded(many).height
    assert exhibits([], "pairs").value == "none"


def test_the_title_of_a_picture_is_below_it() -> None:
    assert (picture(b"x", "pairs").value or "").endswith(")\n\n*pairs*")


def test_a_picture_over_the_budget_is_an_error() -> None:
    assert picture(b"x" * 100, "small").value
    with pytest.raises(ValueError, match="budget"):
        picture(b"x" * PICTURE_BUDGET, "large")


def test_shares_are_shown_in_percent_and_their_intervals_in_one_column() -> None:
    frame = pd.DataFrame({"rows": [5, 0], "share": [0.0312, np.nan], "low": [0.02, np.nan], "high": [0.0405, np.nan]})
    shown = table(frame, {"share": "found"}, shares=("share",), intervals={"interval": ("low", "high")})
    assert [(column.name, column.type) for column in shown.schema.columns] == [
        ("rows", "int"),
        ("share", PERCENT),
        ("interval", PERCENT),
    ]
    assert dict(shown.records[0].data) == {"rows": 5, "share": "3.12 %", "interval": "2 to 4.05 %"}
    assert dict(shown.records[1].data) == {"rows": 0, "share": "-", "interval": "-"}


def test_tables_have_python_values_and_at_most_20_rows() -> None:
    frame = pd.DataFrame(
        {
            "whole": np.arange(500, dtype=np.int32),
            "real": np.float32(0.5),
            "flag": np.bool_(True),
            "text": "a",
            "none": np.nan,
        }
    )
    shown = table(frame, {"whole": "counts up"})
    assert len(shown.records) == MOST_RECORDS == 20
    assert dict(shown.records[3].data) == {"whole": 3, "real": 0.5, "flag": True, "text": "a", "none": None}
    assert [column.type for column in shown.schema.columns] == ["int", "float", "bool", "string", "float"]
    assert shown.schema.columns[0].description == "counts up"
    json.dumps([dict(record.data) for record in shown.records], allow_nan=False)


def test_fractions_in_tables_have_three_significant_digits_and_integers_all() -> None:
    shown = table(pd.DataFrame({"share": [0.08841666666, 12.34567, 529_114.0, 1234.5678, np.nan, -2e-7]}))
    assert [record.data["share"] for record in shown.records] == [0.0884, 12.3, 529_114.0, 1235.0, None, -2e-7]


def test_shares_in_tables_are_percentages() -> None:
    shown = table(pd.DataFrame({"rows": [1, 2], "share": [0.046234, np.nan]}), shares=["share"])
    assert [dict(record.data) for record in shown.records] == [
        {"rows": 1, "share": "4.62 %"},
        {"rows": 2, "share": "-"},
    ]
    assert [column.type for column in shown.schema.columns] == ["int", PERCENT]


def test_a_page_begins_with_summary_picture_numbers_and_tables() -> None:
    page = asset_page(
        "- answer",
        tables={"sample": table(pd.DataFrame({"row": [1]}))},
        numbers={"share": np.float64(0.046234), "rows": 12_345},
        picture={"pictures": picture(b"x", "pairs")},
    )
    assert list(page) == [SUMMARY, "pictures", "share", "rows", "sample"]
    assert (page["share"], page["rows"]) == (0.0462, 12_345)


def test_a_page_has_at_most_eight_numbers_and_a_short_summary() -> None:
    with pytest.raises(ValueError, match="9 numbers"):
        asset_page("- answer", numbers={str(number): number for number in range(9)})
    with pytest.raises(ValueError, match="characters"):
        asset_page("x" * LONGEST)


def test_descriptions_of_columns_come_from_the_schema() -> None:
    schema = dg.TableSchema(columns=[dg.TableColumn("rows", description="rows found"), dg.TableColumn("method")])
    shown = table(pd.DataFrame({"rows": [1], "more": [2]}), schema)
    assert {column.name: column.description for column in shown.schema.columns} == {"rows": "rows found", "more": None}


def test_an_empty_table_has_its_columns() -> None:
    shown = table(pd.DataFrame({"name": pd.Series([], dtype="str"), "bytes": pd.Series([], dtype="int64")}))
    assert shown.records == []
    assert [column.name for column in shown.schema.columns] == ["name", "bytes"]


def test_counts_have_a_row_per_letter() -> None:
    shown = counts_table(range(10))
    assert dict(shown.records[9].data) == {"letter": "J", "rows": 9}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (float("nan"), None),
        (np.inf, None),
        ("a", "a"),
    ],
)
def test_numpy_scalars_become_python_values(value: object, expected: object) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
