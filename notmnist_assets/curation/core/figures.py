"""Plots charts as PNG or SVG.

Charts ignore the matplotlib settings and fonts of the machine: they use the default style with DejaVu Sans, which
matplotlib ships together with its own FreeType.
"""

import io
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Literal, ParamSpec

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

from notmnist_assets.curation.core.exhibits import encode_png

ChartForm = Literal["png", "svg"]
_Arguments = ParamSpec("_Arguments")

_PALE = (0.15, 0.85)
"""Range of values whose cells in a number grid are pale enough for black digits."""
_DARK = 0.6
"""Shade of a cell in a confusion matrix from which its digits are white."""
_DPI = 104
"""Dots per inch of charts: the smallest text in use, 8.33 points, is 12 pixels high in the UI."""
_COLORS = (16, 8)
"""Colors of charts, the first number with which the file is small enough for the UI."""
_LARGEST_FILE = 29_000
_X_FACTOR = 1.06
"""Factor between the x values of neighboring lines, so that their error bars do not overlap."""
_LINE_HEIGHT = 0.055
"""Height of a line of text as a share of the height of a panel."""
_LABEL_X = 1.02
"""Left end of the line names, in widths of a panel."""


def _in_default_style(plot: Callable[_Arguments, bytes]) -> Callable[_Arguments, bytes]:
    """Plot with the default settings of matplotlib instead of those of the user."""

    @wraps(plot)
    def plot_in_default_style(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> bytes:
        import matplotlib as mpl

        with mpl.rc_context():
            mpl.rcdefaults()
            return plot(*args, **kwargs)

    return plot_in_default_style


@dataclass(frozen=True)
class Points:
    """A line with error bars: its name, x and y values, and the ends of the interval of each y value."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """One chart of a row: its title, its lines, and the text of each x tick."""

    title: str
    lines: Sequence[Points]
    ticks: Mapping[float, str]


@_in_default_style
def plot_panels(charts: Sequence[Panel], *, x_label: str, y_label: str) -> bytes:
    """Plot charts side by side with a common y axis and logarithmic x axes, as PNG.

    Intervals are error bars, shifted sideways so that those of lines that nearly coincide stay visible. The name of
    each line is at its right end.

    Args:
        charts: charts from left to right.
        x_label: label of each x axis.
        y_label: label of the y axis.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.7, 3.9), dpi=_DPI, layout="constrained")
    (row,) = figure.subplots(1, len(charts), sharey=True, squeeze=False)
    for panel, axes in zip(charts, row, strict=True):
        for number, line in enumerate(panel.lines):
            x_factor = _X_FACTOR ** (number - (len(panel.lines) - 1) / 2)
            whiskers = np.abs(np.array([line.low, line.high]) - line.y)
            axes.errorbar(
                np.asarray(line.x) * x_factor,
                line.y,
                whiskers,
                color=f"C{number}",
                marker="o",
                markersize=3,
                linewidth=1.2,
                elinewidth=1,
                capsize=1.5,
            )
        axes.set_xscale("log")
        axes.set_xticks(list(panel.ticks), list(panel.ticks.values()))
        axes.minorticks_off()
        axes.tick_params(labelsize="small")
        axes.set_title(panel.title, fontsize="medium")
        axes.set_xlabel(x_label, fontsize="small")
        axes.grid(visible=True, alpha=0.3)
    row[0].set_ylabel(y_label, fontsize="small")
    low, high = row[0].get_ylim()
    for panel, axes in zip(charts, row, strict=True):
        heights = _spread([line.y[-1] for line in panel.lines], _LINE_HEIGHT * (high - low))
        for number, (line, height) in enumerate(zip(panel.lines, heights, strict=True)):
            axes.text(
                _LABEL_X,
                height,
                line.name,
                color=f"C{number}",
                fontsize="small",
                va="center",
                transform=axes.get_yaxis_transform(),
            )
    return _encode_figure(figure)


def _spread(heights: Sequence[float], least: float) -> list[float]:
    """Move heights up, keeping their order, until each is at least `least` above the next lower one."""
    moved = list(heights)
    below = -math.inf
    for place in sorted(range(len(moved)), key=moved.__getitem__):
        below = moved[place] = max(moved[place], below + least)
    return moved


@_in_default_style
def line_chart(
    lines: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    bands: Sequence[tuple[Sequence[float], Sequence[float]]] = (),
    mark_x: float | None = None,
    limit_y: float | None = None,
    dashed: Collection[str] = (),
    hollow: Sequence[Sequence[bool]] = (),
    form: ChartForm = "png",
) -> bytes:
    """Plot named lines over common axes.

    Args:
        lines: name, x values and y values of each line.
        title: title of the chart.
        x_label: label of the x axis.
        y_label: label of the y axis.
        log_x: whether the x axis is logarithmic.
        bands: low and high y values of the interval of each line, in the order of `lines`.
        mark_x: x value of a vertical dashed line.
        limit_y: y value of a horizontal dotted line named "limit".
        dashed: names of lines that are dashed, because they would hide another line.
        hollow: whether each point of each line is a ring, in the order of `lines`.
        form: file format.

    Returns:
        The file. Equal arguments and the same release of matplotlib give equal bytes on every machine: an SVG has
        fixed ids, no date, and glyphs as the unhinted outlines of matplotlib's own copy of DejaVu Sans.
    """
    # Not pyplot, which has global state and is not thread-safe.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    for place, (name, x, y) in enumerate(lines):
        (plotted,) = axes.plot(
            x, y, marker="o", markersize=3, linewidth=1.2, linestyle="--" if name in dashed else "-", label=name
        )
        if place < len(bands):
            low, high = bands[place]
            axes.fill_between(x, low, high, color=plotted.get_color(), alpha=0.15, linewidth=0)
        if place < len(hollow):
            rings = np.asarray(hollow[place], np.bool_)
            places = np.asarray(x)[rings], np.asarray(y)[rings]
            axes.scatter(*places, s=20, facecolors="white", edgecolors=plotted.get_color(), zorder=3)
    if mark_x is not None:
        axes.axvline(mark_x, color="black", linestyle="--", linewidth=1)
    if limit_y is not None:
        axes.axhline(limit_y, color="black", linestyle=":", linewidth=1, label="limit")
    if log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,g}")
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.grid(visible=True, alpha=0.3)
    if lines:
        axes.legend(fontsize="small")
    return _encode_figure(figure) if form == "png" else _svg(figure)


@_in_default_style
def number_grid(rows: Sequence[str], columns: Sequence[str], values: npt.NDArray[np.float64], title: str) -> bytes:
    """Plot numbers from 0 to 1 as a grid of colored cells with their values in percent, as PNG.

    Args:
        rows: names of the rows.
        columns: names of the columns.
        values: float64 (rows, columns).
        title: title of the grid.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 + 0.8 * len(columns), 0.9 + 0.2 * len(rows)), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(values, vmin=0, vmax=1, cmap="RdYlGn", aspect="auto")
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            ink = "black" if _PALE[0] <= value <= _PALE[1] else "white"
            axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize="small", color=ink)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows, fontsize="small")
    axes.xaxis.tick_top()
    axes.set_title(title, fontsize="medium")
    return _encode_figure(figure)


@_in_default_style
def confusion_charts(charts: Mapping[str, npt.NDArray[np.int64]], names: Sequence[str]) -> bytes:
    """Plot confusion matrices side by side as PNG: counts, each cell shaded by its share of the row.

    Wrong predictions are few, so the shade grows with the square root of the share.

    Args:
        charts: title and int64 (n, n), rows by label and columns by prediction, of each matrix.
        names: names of the n classes.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.3 * len(charts), 4.3), dpi=_DPI, layout="constrained")
    (line,) = figure.subplots(1, len(charts), squeeze=False)
    for axes, (title, counts) in zip(line, charts.items(), strict=True):
        shades = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
        axes.imshow(shades, vmin=0, vmax=1, cmap="Blues")
        for row, cells in enumerate(counts.tolist()):
            for column, count in enumerate(cells):
                ink = "white" if shades[row, column] > _DARK else "black"
                axes.text(column, row, str(count), ha="center", va="center", fontsize="small", color=ink)
        axes.set_xticks(range(len(names)), names, fontsize="small")
        axes.set_yticks(range(len(names)), names, fontsize="small")
        axes.set_xlabel("predicted", fontsize="small")
        axes.set_title(title, fontsize="medium")
    line[0].set_ylabel("label", fontsize="small")
    return _encode_figure(figure)


def _encode_figure(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    with Image.open(buffer) as opened:
        picture = opened.convert("RGB")
    png = b""
    for colors in _COLORS:
        png = encode_png(picture.quantize(colors, Image.Quantize.MAXCOVERAGE), level=9)
        if len(png) <= _LARGEST_FILE:
            break
    return png


def _svg(figure: "Figure") -> bytes:
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "notmnist_assets"}):
        figure.savefig(buffer, format="svg", metadata={"Creator": None, "Date": None})
    return buffer.getvalue()
