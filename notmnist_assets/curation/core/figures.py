"""Pictures as PNG bytes: contact sheets of letters, curves, and grids of numbers.

Belongs here: drawing. Size budgets and embedding in the UI are in `metadata`.
"""

import io
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

from notmnist_assets.curation.core.images import SIDE, Images

ChartForm = Literal["png", "svg"]

_GAP = 2
_BACKGROUND = 96
_PALE = (0.15, 0.85)
"""Between these, cells of a number grid are pale enough for black digits."""
_BESIDE = 1.06
"""Factor between the x values of lines that would hide each other's whiskers."""
_LINE_HEIGHT = 0.055
"""Of a line of text, as a part of a panel's height."""
_AT_THE_RIGHT = 1.02
"""Where names of lines start, in widths of a panel."""


def contact_sheet(images: Images, columns: int = 10, levels: int = 256) -> bytes:
    """Draw images in reading order, `columns` to a line, as an 8-bit gray PNG.

    Args:
        images: uint8 (n, 28, 28).
        columns: images per line.
        levels: gray levels kept, a divisor of 256; fewer make a smaller file.
    """
    lines = max(1, -(-len(images) // columns))
    pitch = SIDE + _GAP
    sheet = np.full((lines * pitch + _GAP, columns * pitch + _GAP), _BACKGROUND, np.uint8)
    step = 256 // levels
    for place, image in enumerate(images):
        top, left = _GAP + place // columns * pitch, _GAP + place % columns * pitch
        sheet[top : top + SIDE, left : left + SIDE] = image // step * step
    return _png(sheet)


@dataclass(frozen=True)
class Points:
    """Measured points that one line joins: its name, x and y values, and the ends of each y's interval."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """One of the charts of a row: its title, its lines, and where x is marked with which text."""

    title: str
    lines: Sequence[Points]
    ticks: Mapping[float, str]


def panels(shown: Sequence[Panel], *, x_label: str, y_label: str) -> bytes:
    """Draw charts side by side over one y axis, x logarithmic, as PNG.

    Intervals are whiskers and beside each other: bands of lines that nearly coincide would hide one another. Each line
    is named at its right end.

    Args:
        shown: from left to right.
        x_label: below each.
        y_label: on the left.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.7, 3.9), dpi=72, layout="constrained")
    (row,) = figure.subplots(1, len(shown), sharey=True, squeeze=False)
    for panel, axes in zip(shown, row, strict=True):
        for number, line in enumerate(panel.lines):
            beside = _BESIDE ** (number - (len(panel.lines) - 1) / 2)
            whiskers = np.abs(np.array([line.low, line.high]) - line.y)
            axes.errorbar(
                np.asarray(line.x) * beside,
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
    for panel, axes in zip(shown, row, strict=True):
        heights = _apart([line.y[-1] for line in panel.lines], _LINE_HEIGHT * (high - low))
        for number, (line, height) in enumerate(zip(panel.lines, heights, strict=True)):
            axes.text(
                _AT_THE_RIGHT,
                height,
                line.name,
                color=f"C{number}",
                fontsize="small",
                va="center",
                transform=axes.get_yaxis_transform(),
            )
    return _encode_figure(figure)


def _apart(heights: Sequence[float], least: float) -> list[float]:
    """Return heights moved up, in their order, until each is at least `least` above the next lower one."""
    moved = list(heights)
    below = -math.inf
    for place in sorted(range(len(moved)), key=moved.__getitem__):
        below = moved[place] = max(moved[place], below + least)
    return moved


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
        title: above the chart.
        x_label: below.
        y_label: on the left.
        log_x: whether x is logarithmic.
        bands: low and high y values of each line's interval, in the order of `lines`.
        mark_x: where to draw a vertical dashed line.
        limit_y: where to draw a horizontal dotted line, named "limit".
        dashed: names of lines drawn dashed, for those that would hide another.
        hollow: which points of each line are rings, in the order of `lines`.
        form: of the picture. SVG has glyphs as paths: it looks the same wherever it is shown.
    """
    # Figure without pyplot: no global state, no window system, safe in any thread.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), dpi=72, layout="constrained")
    axes = figure.add_subplot()
    for place, (name, x, y) in enumerate(lines):
        (drawn,) = axes.plot(
            x, y, marker="o", markersize=3, linewidth=1.2, linestyle="--" if name in dashed else "-", label=name
        )
        if place < len(bands):
            low, high = bands[place]
            axes.fill_between(x, low, high, color=drawn.get_color(), alpha=0.15, linewidth=0)
        if place < len(hollow):
            rings = np.asarray(hollow[place], np.bool_)
            places = np.asarray(x)[rings], np.asarray(y)[rings]
            axes.scatter(*places, s=20, facecolors="white", edgecolors=drawn.get_color(), zorder=3)
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


def number_grid(rows: Sequence[str], columns: Sequence[str], values: npt.NDArray[np.float64], title: str) -> bytes:
    """Draw numbers from 0 to 1 as a colored grid with the numbers in it, as PNG.

    Args:
        rows: names of the rows.
        columns: names of the columns.
        values: float64 (rows, columns).
        title: above the grid.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 + 0.8 * len(columns), 0.9 + 0.2 * len(rows)), dpi=72, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(values, vmin=0, vmax=1, cmap="RdYlGn", aspect="auto")
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            ink = "black" if _PALE[0] <= value <= _PALE[1] else "white"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize="x-small", color=ink)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows, fontsize="small")
    axes.xaxis.tick_top()
    axes.set_title(title, fontsize="medium")
    return _encode_figure(figure)


def _encode_figure(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    with Image.open(buffer) as picture:
        return encode_png(picture.convert("RGB").quantize(64))


def _svg(figure: "Figure") -> bytes:
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "notmnist_assets"}):
        figure.savefig(buffer, format="svg", metadata={"Creator": None, "Date": None})
    return buffer.getvalue()


def _png(gray: npt.NDArray[np.uint8]) -> bytes:
    return encode_png(Image.fromarray(gray))


def encode_png(picture: Image.Image, *, level: int = 6) -> bytes:
    """Return a picture as the bytes of a PNG file; `level` is zlib's, 0 (uncompressed) to 9 (small)."""
    buffer = io.BytesIO()
    picture.save(buffer, format="png", compress_level=level)
    return buffer.getvalue()
