"""A learning curve as a small SVG: training and validation loss over the epochs."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from tuner import formatting

WIDTH, HEIGHT = 360, 240  # pixels; the dashboard shows it half as large, too
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 30, 42  # of the axes
Line = tuple[str, str, str, str]
LINES: Sequence[Line] = (  # name, label, colour, dashes: where both run together, both are seen
    ("loss", "training", "#8795a5", "5 4"),
    ("val_loss", "validation", "#0c6198", "none"),
)
MOST_POINTS = 500  # of one line
LOGARITHMIC = 20.0  # highest over lowest value, from which on the axis is logarithmic
SMALLEST_RANGE = 1e-9  # of values, relative to the highest

Point = tuple[float, float]


def learning_curve(
    curve: Sequence[dict[str, float]],
    title: str,
    selected: Sequence[Line] = LINES,
    *,
    step: str = "epoch",
) -> str:
    """Draws it.

    Args:
        curve: A trial's metrics by epoch, with ``epoch`` among them.
        selected: Which of them.
        step: What an epoch is called.
    """
    lines = {name: _points(curve, name) for name, *_ in selected}
    values = [value for points in lines.values() for _, value in points]
    parts = [_text(8, 18, title, anchor="start", weight="600")]
    if values:
        scale = _Scale(values, [point["epoch"] for point in curve])
        parts += [*scale.axes(step), *_drawn(selected, lines, scale)]
    else:
        parts.append(_text(WIDTH / 2, HEIGHT / 2, "no finished epoch with a finite loss"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="system-ui, sans-serif">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _points(curve: Sequence[dict[str, float]], name: str) -> list[Point]:
    """The finite values; of very many, evenly chosen ones with the last."""
    points = [(row["epoch"], row[name]) for row in curve if _finite(row.get(name))]
    step = math.ceil(len(points) / MOST_POINTS) or 1
    return [*points[:-1:step], *points[-1:]]


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


class _Scale:
    """From epochs and losses to pixels."""

    def __init__(self, values: Sequence[float], epochs: Sequence[float]) -> None:
        low, high = min(values), max(values)
        self._log = low > 0 and high / low >= LOGARITHMIC
        if high - low <= abs(high) * SMALLEST_RANGE:
            low, high = low - abs(low or 1.0) / 10, high + abs(high or 1.0) / 10
        self._low, self._high = low, high
        self._first, self._last = min(epochs), max(epochs)

    def x(self, epoch: float) -> float:
        width = WIDTH - LEFT - RIGHT
        if self._first == self._last:
            return LEFT + width / 2
        return LEFT + width * (epoch - self._first) / (self._last - self._first)

    def y(self, value: float) -> float:
        low, high, value = map(self._axis, (self._low, self._high, value))
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    def _axis(self, value: float) -> float:
        return math.log(value) if self._log else value

    def axes(self, step: str) -> list[str]:
        parts = []
        for share in (0.0, 0.5, 1.0):
            value = self._at(share)
            y = self.y(value)
            parts.append(_line((LEFT, y), (WIDTH - RIGHT, y), "#e3e8ee"))
            parts.append(_text(LEFT - 6, y + 4, formatting.number(value), anchor="end"))
        for epoch in sorted({self._first, (self._first + self._last) // 2, self._last}):
            parts.append(_text(self.x(epoch), HEIGHT - BOTTOM + 18, f"{epoch:g}"))
        parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, step))
        return parts

    def _at(self, share: float) -> float:
        low, high = self._axis(self._low), self._axis(self._high)
        value = low + share * (high - low)
        return math.exp(value) if self._log else value


def line_of(name: str) -> list[Line]:
    """The single line of what an objective function reports."""
    return [(name, name.replace("_", " "), *LINES[-1][2:])]


def _drawn(selected: Sequence[Line], lines: dict[str, list[Point]], scale: _Scale) -> list[str]:
    parts, x = [], float(WIDTH - RIGHT)
    for name, label, colour, dashes in reversed(selected):
        if not lines[name]:
            continue
        points = [(scale.x(epoch), scale.y(value)) for epoch, value in lines[name]]
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        look = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"'
        parts.append(f'<polyline points="{text}" {look}/>')
        if len(points) == 1:
            parts.append(f'<circle cx="{points[0][0]}" cy="{points[0][1]}" r="3" fill="{colour}"/>')
        parts.append(_text(x, 18, label, anchor="end", colour=colour, weight="600"))
        x -= 10 + 8.5 * len(label)
    return parts


def _line(start: Point, end: Point, colour: str) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1}" y1="{y1:.1f}" x2="{x2}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 14,
    anchor: str = "middle",
    colour: str = "#1c2733",
    weight: str = "400",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="{colour}" font-weight="{weight}">{html.escape(text)}</text>'
    )
