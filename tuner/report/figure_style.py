"""How every figure looks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

BLUE, ORANGE, GREEN, RED, PURPLE = "#1f6fb2", "#e08214", "#2a9d6f", "#c0392b", "#7b5ea7"
GREY, PALE, INK, LINE = "#8a97a5", "#dfe5eb", "#1c2733", "#e6eaef"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "#3aa6b9", "#b5546c", "#8c6d31", "#5b6b7c")
TIME = ((0.0, "#8fbbe0"), (1.0, "#0b3c6b"))  # from the first trial to the last
BLUES = (  # from worse to better
    "#e3eef9", "#cfe1f2", "#b5d4e9", "#93c3df", "#6daed5", "#4b97c9", "#2f7ebc",
    "#1864aa", "#0a4a90",
)  # fmt: skip
DARK_BLUES = (
    "#27333f", "#2a3d50", "#2c4a68", "#2f5a83", "#356da1", "#4683bd", "#639dd3",
    "#8dbbe6", "#c3defa",
)  # fmt: skip
# What stands for each colour in a dark page, where ink would be black on black.
DARK_COLOURS = {
    INK: "#e6ecf2",
    LINE: "#3a4856",
    PALE: "#33414f",
    BLUE: "#58a6e8",
    GREY: "#9fb0c0",
    RED: "#ff8a80",
    PURPLE: "#b79be3",
    "#b5546c": "#e0879d",
    "#8c6d31": "#c9a663",
    "#5b6b7c": "#8ea3b8",
    "#0b3c6b": "#2f78b8",
    "#8fbbe0": "#d3e8fa",
    "#f4f6f9": "#1b242e",
    "#555": "#9fb0c0",  # Optuna's own
    **dict(zip(BLUES, DARK_BLUES, strict=True)),
}
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
TICKS = 10  # whole numbers that are all told apart
LABEL = 24  # characters of a name on an axis
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
    finite = [value for value in values if value is not None and math.isfinite(value)]
    axis: dict[str, Any] = {"title": {"text": title}}
    if not finite or min(finite) <= 0 or max(finite) <= FAR * min(finite):
        return {**axis, "type": "linear"}
    # Between whole decades only where there are few: labels would stand on one another.
    few = max(finite) > FAR**2 * min(finite)
    return {**axis, "type": "log", "tickformat": "~g", "dtick": 1 if few else "D2"}


def shortened(name: str) -> str:
    """A name that fits an axis: of a long one its beginning and its end."""
    half = LABEL // 2
    return name if len(name) <= LABEL else f"{name[: half - 1]}…{name[-half:]}"


def labels(names: Iterable[str]) -> list[str]:
    """Names that fit an axis and differ from one another."""
    texts: list[str] = []
    for name in names:
        label, again = shortened(name), 1
        while label in texts:
            again += 1
            label = f"{shortened(name)} ({again})"
        texts.append(label)
    return texts
