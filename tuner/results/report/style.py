"""How every figure looks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

BLUE, ORANGE, GREEN, RED, PURPLE = "#1f6fb2", "#e08214", "#2a9d6f", "#c0392b", "#7b5ea7"
GREY, PALE, INK, LINE = "#8a97a5", "#dfe5eb", "#1c2733", "#e6eaef"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "#3aa6b9", "#b5546c", "#8c6d31", "#5b6b7c")
TIME = ((0.0, "#8fbbe0"), (1.0, "#0b3c6b"))  # from the first trial to the last
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
TICKS = 10  # whole numbers that are all told apart
FAR = 10.0  # values that differ by more than this factor are drawn on a logarithmic axis

AXIS = {
    "gridcolor": LINE,
    "linecolor": LINE,
    "zeroline": False,
    "automargin": True,
    "title_standoff": 12,
}


def styled(figure: Any, **layout: Any) -> Any:
    """The figure in the report's colours, without a title of its own: the section has one."""
    figure.update_layout(
        template="none",
        title=None,
        font={"family": FONT, "size": 13, "color": INK},
        colorway=list(COLOURS),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 56, "r": 16, "t": 28, "b": 48},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        hoverlabel={"font": {"family": FONT}},
        bargap=0.2,
    )
    figure.update_xaxes(**AXIS)
    figure.update_yaxes(**AXIS)
    figure.update_layout(**layout)
    return figure


def whole(values: Sequence[int], title: str) -> dict[str, Any]:
    """An axis for whole numbers, with no ticks between them."""
    axis: dict[str, Any] = {"title": {"text": title}}
    if not values or max(values) - min(values) > TICKS:
        return axis
    return {**axis, "dtick": 1, "range": [min(values) - 0.7, max(values) + 0.7]}


def scale(values: Iterable[float | None], title: str) -> dict[str, Any]:
    """An axis for these values: logarithmic where they are positive and far apart.

    One without any finite value is linear.
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    axis: dict[str, Any] = {"title": {"text": title}}
    if not known or min(known) <= 0 or max(known) <= FAR * min(known):
        return {**axis, "type": "linear"}
    # Between whole decades only where there are few: labels would stand on one another.
    few = max(known) > FAR**2 * min(known)
    return {**axis, "type": "log", "tickformat": "~g", "dtick": 1 if few else "D2"}
