"""Content and layout of pages with tables and charts, which templates draw without scripts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .templating import fill


@dataclass(frozen=True)
class Heading:
    """A heading below the page's own."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Note:
    """A paragraph about the figures: their method, and the data that they leave out."""

    text: str
    kind: ClassVar[str] = "note"


@dataclass(frozen=True)
class BulletList:
    """Lines, each a point."""

    lines: Sequence[str]
    kind: ClassVar[str] = "list"


@dataclass(frozen=True)
class DataTable:
    """A table; its first column names the rows."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Tick:
    """A round number on an axis, and its place in pixels."""

    value: float
    at: float


@dataclass(frozen=True)
class Dot:
    """A mark in a chart, in pixels; without an ``x`` the row says that there is no figure.

    Attributes:
        span: both ends of the interval.
        label: shown where the mark is pointed at.
        figure: the value as the row prints it.
    """

    name: str
    y: float
    x: float | None = None
    span: tuple[float, float] | None = None
    label: str = ""
    figure: str = ""

    @property
    def short(self) -> str:
        """The name, cut to the room beside the chart."""
        return self.name if len(self.name) <= 32 else self.name[:31] + "…"


@dataclass(frozen=True)
class IntervalChart:
    """Dots with intervals, a line for each row."""

    title: str
    height: int
    ticks: Sequence[Tick]
    dots: Sequence[Dot]
    kind: ClassVar[str] = "intervals"
    width: ClassVar[int] = 960
    left: ClassVar[int] = 290
    top: ClassVar[int] = 10
    line: ClassVar[int] = 26  # height of a row


@dataclass(frozen=True)
class ScatterChart:
    """Points over two axes, with an optional curve."""

    title: str
    across: str
    up: str
    across_ticks: Sequence[Tick]
    up_ticks: Sequence[Tick]
    dots: Sequence[Dot]
    line: Sequence[tuple[float, float]]
    kind: ClassVar[str] = "scatter"
    size: ClassVar[int] = 460
    left: ClassVar[int] = 60
    top: ClassVar[int] = 12

    @property
    def radius(self) -> float:
        """Radius of a mark: smaller where there are many."""
        return 5 if len(self.dots) <= 100 else 2.5


Block = Heading | Note | BulletList | DataTable | IntervalChart | ScatterChart


def page(title: str, blocks: Iterable[Block | None]) -> str:
    """Draw a whole page; blocks that are None have nothing to show and are left out."""
    return fill("page.html", title=title, blocks=[block for block in blocks if block is not None])


def interval_chart(
    title: str, rows: Sequence[tuple[str, float | None, float | None, float | None]], *, digits: int = 2
) -> IntervalChart | None:
    """Lay out dots with intervals, a line for each row: (name, value, low, high). Rows without a value say so."""
    numbers = [x for _, *found in rows for x in found if x is not None and x == x]
    if not numbers:
        return None
    low, high = min(numbers), max(numbers)
    pad = max((high - low) * 0.06, 0.01, abs(high) * 1e-6)
    low, high = low - pad, high + pad
    chart = IntervalChart

    def x(value: float) -> float:
        return chart.left + (value - low) / (high - low) * (chart.width - chart.left - 70)

    dots = []
    for i, (name, value, least, most) in enumerate(rows):
        y = chart.top + chart.line * i + chart.line / 2
        if value is None or value != value:
            dots.append(Dot(name, y))
            continue
        label, span = f"{name}: {value:.{digits}f}", None
        if least is not None and most is not None and least == least:
            label += f" ({least:.{digits}f} to {most:.{digits}f})"
            span = (x(least), x(most))
        dots.append(Dot(name, y, x(value), span, label, f"{value:.{digits}f}"))
    ticks = [Tick(tick, x(tick)) for tick in _ticks(low, high)]
    return IntervalChart(title, chart.top + chart.line * len(rows) + 30, ticks, dots)


def scatter_chart(
    title: str,
    points: Sequence[tuple[float, float, str]],
    across: str,
    up: str,
    line: Sequence[tuple[float, float]] = (),
) -> ScatterChart | None:
    """Lay out points (x, y, name), with an optional curve through them."""
    if not points:
        return None
    x0, x1 = _scale([*(x for x, _, _ in points), *(x for x, _ in line)])
    y0, y1 = _scale([*(y for _, y, _ in points), *(y for _, y in line)])
    chart = ScatterChart

    def at_x(value: float) -> float:
        return chart.left + (value - x0) / (x1 - x0) * chart.size

    def at_y(value: float) -> float:
        return chart.top + (y1 - value) / (y1 - y0) * chart.size

    return ScatterChart(
        title,
        across,
        up,
        across_ticks=[Tick(tick, at_x(tick)) for tick in _ticks(x0, x1)],
        up_ticks=[Tick(tick, at_y(tick)) for tick in _ticks(y0, y1)],
        dots=[Dot(name, at_y(y), at_x(x), label=f"{name}: {x:g}, {y:g}") for x, y, name in points],
        line=[(at_x(x), at_y(y)) for x, y in line],
    )


def _scale(values: Sequence[float]) -> tuple[float, float]:
    """Both ends of an axis: a little beyond its values."""
    low, high = min(values), max(values)
    pad = max((high - low) * 0.05, abs(high) * 1e-6) or 0.5
    return low - pad, high + pad


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from ``low`` to ``high``, nine at most."""
    span = high - low
    power = 10.0 ** math.floor(math.log10(span))
    step = next(step for step in (0.2 * power, 0.5 * power, power, 2 * power) if span / step <= 8)
    first = math.ceil(low / step - 1e-9)
    ticks = (float(f"{i * step:.9g}") for i in range(first, first + 9))
    return [tick for tick in ticks if tick <= high + span * 1e-9]
