"""Curves as shapes for inline SVG: sharp at any size, in the colours of the page.

Belongs here: axes, ticks and places of points. The SVG itself is written in `page.html`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

WIDTH: Final = 640
HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 16.0, 12.0, 46.0
_TICKS: Final = 6


@dataclass(frozen=True)
class Line:
    """A named line with the interval of each of its points, and which of these weigh little; none when empty."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    weak: Sequence[bool] = ()


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where it is on the picture, and its text."""

    place: float
    text: str


@dataclass(frozen=True)
class Shape:
    """A line as it is drawn: its points and its interval's outline as SVG points, and each point alone.

    `hollow` tells which points are drawn as rings.
    """

    name: str
    points: str
    band: str
    dots: Sequence[tuple[float, float]]
    hollow: Sequence[bool]


@dataclass(frozen=True)
class Chart:
    """Lines over common axes.

    Attributes:
        title: heading.
        alt: words that stand in for the picture.
        caption: what it shows.
        lines: what is drawn.
        x_label: below.
        y_label: on the left.
        log_x: whether x is logarithmic; all x are above 0 then.
        mark_x: where a dashed line stands.
        mark_y: where a dashed line lies.
    """

    kind: ClassVar[str] = "chart"
    width: ClassVar[int] = WIDTH
    height: ClassVar[int] = HEIGHT
    title: str
    alt: str
    caption: str
    lines: Sequence[Line]
    x_label: str
    y_label: str
    log_x: bool = False
    mark_x: float | None = None
    mark_y: float | None = None

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the area that the axes span."""
        return _LEFT, _TOP, WIDTH - _RIGHT, HEIGHT - _BOTTOM

    @property
    def x_ticks(self) -> list[Tick]:
        """Marks below."""
        low, high = self._x_range
        values = _log_ticks(low, high) if self.log_x else _linear_ticks(low, high)
        return [Tick(self._place_x(value), f"{value:,g}" if value < 1e4 else f"{value:,.0f}") for value in values]

    @property
    def y_ticks(self) -> list[Tick]:
        """Marks on the left."""
        return [Tick(self._place_y(value), f"{value:g}") for value in _linear_ticks(*self._y_range)]

    @property
    def mark(self) -> float | None:
        """Where the standing dashed line is."""
        return None if self.mark_x is None else self._place_x(self.mark_x)

    @property
    def level(self) -> float | None:
        """Where the lying dashed line is."""
        return None if self.mark_y is None else self._place_y(self.mark_y)

    @property
    def shapes(self) -> list[Shape]:
        """The lines as they are drawn."""
        return [
            Shape(
                line.name,
                self._points(line.x, line.y),
                self._points([*line.x, *reversed(line.x)], [*line.high, *reversed(line.low)]),
                [(self._place_x(x), self._place_y(y)) for x, y in zip(line.x, line.y, strict=True)],
                line.weak or [False] * len(line.x),
            )
            for line in self.lines
        ]

    def _points(self, x: Sequence[float], y: Sequence[float]) -> str:
        return " ".join(f"{self._place_x(one)},{self._place_y(other)}" for one, other in zip(x, y, strict=True))

    @property
    def _x_range(self) -> tuple[float, float]:
        return _range([x for line in self.lines for x in line.x])

    @property
    def _y_range(self) -> tuple[float, float]:
        return _range([y for line in self.lines for y in (*line.low, *line.high)] + self._levels)

    @property
    def _levels(self) -> list[float]:
        """The lying line is inside the picture wherever the points are."""
        return [] if self.mark_y is None else [self.mark_y]

    def _place_x(self, value: float) -> float:
        low, high = self._x_range
        if self.log_x:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return round(_LEFT + (value - low) / (high - low) * (WIDTH - _LEFT - _RIGHT), 1)

    def _place_y(self, value: float) -> float:
        low, high = self._y_range
        return round(HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM), 1)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis, which are never the same."""
    low, high = (min(values), max(values)) if values else (1.0, 1.0)
    return (low, high) if high > low else (low, low + 1)


def _linear_ticks(low: float, high: float) -> list[float]:
    """Return about six round values from `low` to `high`."""
    rough = (high - low) / _TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = math.ceil(low / step - 1e-9)
    return [round(place * step, 10) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times each power of ten from `low` to `high`, or the ends where none is between them."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [float(factor * 10**power) for power in powers for factor in (1, 2, 5)]
    return [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)] or [low, high]
