"""Pages of HTML with charts in SVG: one file, no scripts, nothing from the network, all text escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from ..support.escaping import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #5b6570; --line: #d5dae0; --mark: #0b66c3; --back: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --dim: #9aa4af; --line: #3a424c; --mark: #63a8f5; --back: #14171b; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 2rem auto;
  max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } p.note { color: var(--dim); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg .dim { fill: var(--dim); } svg .grid { stroke: var(--line); } svg .mark { fill: var(--mark); }
svg .range { stroke: var(--mark); stroke-width: 3; opacity: .55; }
svg .guide { stroke: var(--dim); stroke-dasharray: 4 4; }
"""


def safe(text: object) -> str:
    """Outside text for HTML: one line, no markup."""
    return html.escape(escape(text), quote=True)


def page(title: str, body: str) -> str:
    """A whole page. ``body`` is HTML."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{safe(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as HTML."""
    first = "".join(f'<th scope="col">{safe(name)}</th>' for name in head)
    lines = "\n".join("<tr>" + "".join(f"<td>{safe(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table>\n<thead><tr>{first}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>'


def _ticks(low: float, high: float) -> list[float]:
    """At most nine round numbers from ``low`` to ``high``, whatever their size."""
    span = high - low
    power = 10.0 ** math.floor(math.log10(span))
    step = next(step for step in (0.2 * power, 0.5 * power, power, 2 * power) if span / step <= 8)
    first = math.ceil(low / step - 1e-9)
    ticks = (float(f"{i * step:.9g}") for i in range(first, first + 9))
    return [tick for tick in ticks if tick <= high + span * 1e-9]


def interval_chart(
    title: str, rows: Sequence[tuple[str, float | None, float | None, float | None]], *, digits: int = 2
) -> str:
    """Dots with intervals, a line for each row: (name, value, low, high). Rows without a value say so."""
    numbers = [x for _, *found in rows for x in found if x is not None and x == x]
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    pad = max((high - low) * 0.06, 0.01, abs(high) * 1e-6)
    low, high = low - pad, high + pad
    left, width, line, top = 290, 960, 26, 10
    height = top + line * len(rows) + 30

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (width - left - 70)

    parts = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{safe(title)}">'
    ]
    for tick in _ticks(low, high):
        parts.append(
            f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top}" y2="{height - 26}"/>'
            f'<text class="dim" x="{x(tick):.1f}" y="{height - 8}" text-anchor="middle">{tick:g}</text>'
        )
    for i, (name, value, least, most) in enumerate(rows):
        y = top + line * i + line / 2
        short = name if len(name) <= 32 else name[:31] + "…"
        parts.append(
            f'<text x="{left - 14}" y="{y + 4:.1f}" text-anchor="end">{safe(short)}<title>{safe(name)}</title></text>'
        )
        if value is None or value != value:
            parts.append(f'<text class="dim" x="{left}" y="{y + 4:.1f}">N/A</text>')
            continue
        label = f"{name}: {value:.{digits}f}"
        if least is not None and most is not None and least == least:
            parts.append(f'<line class="range" x1="{x(least):.1f}" x2="{x(most):.1f}" y1="{y}" y2="{y}"/>')
            label += f" ({least:.{digits}f} to {most:.{digits}f})"
        parts.append(f'<circle class="mark" cx="{x(value):.1f}" cy="{y}" r="5"><title>{safe(label)}</title></circle>')
        parts.append(f'<text class="dim" x="{width - 4}" y="{y + 4:.1f}" text-anchor="end">{value:.{digits}f}</text>')
    parts.append("</svg>")
    return "\n".join(parts)


def scatter_chart(
    title: str,
    points: Sequence[tuple[float, float, str]],
    across: str,
    up: str,
    line: Sequence[tuple[float, float]] = (),
) -> str:
    """Points (x, y, name), with an optional curve through them."""
    if not points:
        return ""
    xs = [*(x for x, _, _ in points), *(x for x, _ in line)]
    ys = [*(y for _, y, _ in points), *(y for _, y in line)]
    size, left, top = 460, 60, 12

    def scale(values: Sequence[float]) -> tuple[float, float]:
        low, high = min(values), max(values)
        pad = max((high - low) * 0.05, abs(high) * 1e-6) or 0.5
        return low - pad, high + pad

    (x0, x1), (y0, y1) = scale(xs), scale(ys)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + (x - x0) / (x1 - x0) * size, top + (y1 - y) / (y1 - y0) * size

    width, height = left + size + 20, top + size + 50
    parts = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{safe(title)}">'
    ]
    for tick in _ticks(x0, x1):
        px = at(tick, y0)[0]
        parts.append(f'<line class="grid" x1="{px:.1f}" x2="{px:.1f}" y1="{top}" y2="{top + size}"/>')
        parts.append(f'<text class="dim" x="{px:.1f}" y="{top + size + 18}" text-anchor="middle">{tick:g}</text>')
    for tick in _ticks(y0, y1):
        py = at(x0, tick)[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{left + size}" y1="{py:.1f}" y2="{py:.1f}"/>')
        parts.append(f'<text class="dim" x="{left - 8}" y="{py + 4:.1f}" text-anchor="end">{tick:g}</text>')
    if line:
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in (at(*point) for point in line))
        parts.append(f'<polyline class="guide" fill="none" points="{path}"/>')
    radius = 5 if len(points) <= 100 else 2.5
    for px, py, name in points:
        cx, cy = at(px, py)
        parts.append(
            f'<circle class="mark" opacity=".7" cx="{cx:.1f}" cy="{cy:.1f}" r="{radius}">'
            f"<title>{safe(name)}: {px:g}, {py:g}</title></circle>"
        )
    parts.append(f'<text x="{left + size / 2}" y="{height - 8}" text-anchor="middle">{safe(across)}</text>')
    middle = top + size / 2
    parts.append(f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{safe(up)}</text>')
    parts.append("</svg>")
    return "\n".join(parts)
