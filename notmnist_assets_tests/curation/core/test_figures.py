"""Charts can be opened, and show their values."""

import io
from typing import get_args
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from notmnist_assets.curation.core.figures import (
    ChartForm,
    Panel,
    Points,
    _spread,
    line_chart,
    number_grid,
    plot_panels,
)


def opened(png: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture)


def test_a_chart_is_repeatable_and_shows_its_lines() -> None:
    def chart(
        y: list[float], mark_x: float | None = None, limit_y: float | None = None, dashed: tuple[str, ...] = ()
    ) -> bytes:
        return line_chart(
            [("one", [1, 10, 100], y), ("two", [1, 10, 100], [1, 2, 3])],
            title="title",
            x_label="x",
            y_label="y",
            log_x=True,
            bands=[([0.0, 1.0, 2.0], [2.0, 3.0, 4.0])],
            mark_x=mark_x,
            limit_y=limit_y,
            dashed=dashed,
        )

    assert opened(chart([1, 2, 3])).shape == (374, 665)
    assert chart([1, 2, 3]) == chart([1, 2, 3])
    plain, marked = chart([1, 2, 3]), chart([1, 2, 3], mark_x=20.0)
    limited, dashed = chart([1, 2, 3], limit_y=2.5), chart([1, 2, 3], dashed=("one",))
    assert len({plain, marked, limited, dashed, chart([3, 2, 1])}) == 5


def test_panels_fit_the_ui_are_repeatable_and_show_their_values() -> None:
    def chart(y: list[float], *, high: float = 0.9, name: str = "one", title: str = "left", tick: str = "all") -> bytes:
        line = Points(name, [50, 200_000], y, [0.4, 0.5], [0.8, high])
        other = Points("two", [50, 200_000], [0.5, 0.6], [0.4, 0.5], [0.6, 0.7])
        ticks = {50.0: "50", 200_000.0: tick}
        return plot_panels(
            [Panel(title, [line, other], ticks), Panel("right", [line], ticks)], x_label="x", y_label="y"
        )

    plain = chart([0.5, 0.61])
    assert opened(plain).shape[1] <= 1_200, "the width of the dialog of the UI"
    assert plain == chart([0.5, 0.61])
    others = [
        chart([0.5, 0.7]),
        chart([0.5, 0.61], high=0.8),
        chart([0.5, 0.61], name="1"),
        chart([0.5, 0.61], title="3"),
        chart([0.5, 0.61], tick="2"),
    ]
    assert len({plain, *others}) == 6


def test_panels_without_lines_can_be_plotted() -> None:
    assert opened(plot_panels([Panel("none", [], {})], x_label="x", y_label="y")).ndim == 2


@given(st.lists(st.floats(0, 1), max_size=6), st.floats(0.01, 0.3))
def test_spread_heights_keep_their_order_and_a_minimum_distance(heights: list[float], least: float) -> None:
    moved = _spread(heights, least)
    order = sorted(range(len(heights)), key=heights.__getitem__)
    assert all(after >= before for before, after in zip(heights, moved, strict=True))
    steps = np.diff([moved[place] for place in order])
    assert (steps >= least - 1e-9).all()
    if order:
        assert moved[order[0]] == heights[order[0]]
    if (np.diff(sorted(heights)) >= least).all():
        assert moved == heights


def test_a_grid_of_numbers_grows_with_its_rows_and_shows_its_values() -> None:
    def grid(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        rows, columns = [f"row {n}" for n in range(values.shape[0])], [f"c{n}" for n in range(values.shape[1])]
        return opened(number_grid(rows, columns, values, "title"))

    small, large = grid(np.zeros((2, 3))), grid(np.zeros((9, 3)))
    assert small.shape[1] == large.shape[1]
    assert small.shape[0] < large.shape[0]
    assert not np.array_equal(small, grid(np.eye(2, 3)))


@pytest.mark.parametrize(("value", "white"), [(0.0, True), (0.14, True), (0.16, False), (0.84, False), (1.0, True)])
def test_digits_are_white_on_dark_cells_and_black_on_bright_cells(value: float, white: bool) -> None:
    with Image.open(io.BytesIO(number_grid(["r"], ["c"], np.full((1, 1), value), ""))) as picture:
        gray = np.asarray(picture.convert("L")).astype(int)
    fill = np.bincount(gray[gray < 250]).argmax()
    # Edges of the text outside may have the same gray.
    lines, columns = (np.flatnonzero((gray == fill).sum(axis=axis) > 10) for axis in (1, 0))
    cell = gray[lines.min() + 2 : lines.max() - 1, columns.min() + 2 : columns.max() - 1]
    assert (cell.max() - fill > fill - cell.min()) == white


@pytest.mark.parametrize("form", get_args(ChartForm))
def test_a_chart_does_not_depend_on_the_matplotlib_settings_of_the_user(form: ChartForm) -> None:
    def chart() -> bytes:
        return line_chart([("one", [1, 2], [3, 4])], title="title", x_label="x", y_label="y", form=form)

    plain = chart()
    with mpl.rc_context({"font.size": 20, "font.family": "monospace", "lines.linewidth": 9, "svg.fonttype": "none"}):
        assert chart() == plain
        assert mpl.rcParams["font.size"] == 20


@pytest.mark.parametrize("values", [[], [7.0], [7.0, 7.0], [10.0, 1000.0]], ids=["none", "one", "equal", "two"])
def test_an_svg_chart_is_repeatable_and_has_no_date_and_no_font(values: list[float]) -> None:
    def chart() -> bytes:
        lines = [("one", values, values)] if values else []
        rings = [[True] * len(values)]
        return line_chart(
            lines, hollow=rings, bands=[(values, values)], title="", x_label="x", y_label="y", log_x=True, form="svg"
        )

    assert chart() == chart()
    assert ET.fromstring(chart()).tag.endswith("svg")  # noqa: S314
    assert b"dc:date" not in chart()
    assert b"<text" not in chart()
