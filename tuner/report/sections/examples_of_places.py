"""Some rows of the test part whose pixels or steps are predicted: the target beside the answer."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from tuner import formatting
from tuner.errors import shorten
from tuner.models.scores import HALF
from tuner.report import figure_style
from tuner.report.document import Picture, Table

if TYPE_CHECKING:
    from tuner.datasets import Data

Pixels = NDArray[np.uint8]  # (height, width, 4): red, green, blue, opacity

COUNT = 4  # rows, from the best to the worst
SMALLEST, LARGEST = 96, 256  # sides of a picture in pixels
GAP = 0.06  # between pictures, as a share of a side
CHARACTERS = 60  # of a sequence
RGB = 3  # channels
CAPTIONS = ("input", "target", "answer")


def picture(data: Data, answers: NDArray[np.floating[Any]]) -> tuple[str, Picture]:
    """Returns pictures of input, target and answer side by side, and what they are.

    Args:
        data: Whose targets are masks or images.
        answers: To the raw rows of the test part, ``(rows, height, width, units)``.
    """
    errors = _errors(data, answers)
    chosen = _spread(errors)
    rows = np.asarray(data.raw("test"))[chosen]
    targets, found = _shown(data, data.raw_targets("test")[chosen], answers[chosen])
    lines = [
        [_of_input(row), _opaque(target, target, data), _opaque(answer, target, data)]
        for row, target, answer in zip(rows, targets, found, strict=True)
    ]
    mosaic, middles = _mosaic(lines)
    image = io.BytesIO()
    _save(mosaic, image)
    source = "data:image/png;base64," + base64.b64encode(image.getvalue()).decode()
    figure = go.Figure(go.Image(source=source, hoverinfo="skip"))
    told = "share of wrong pixels" if _are_classes(data) else "root mean squared error"
    captions = [_caption(data, row, errors[row]) for row in chosen]
    axis = {"showgrid": False, "ticks": "", "showline": False}
    figure_style.styled(
        figure,
        xaxis={**axis, "tickvals": middles[1], "ticktext": CAPTIONS, "side": "top"},
        yaxis={**axis, "tickvals": middles[0], "ticktext": captions, "ticklabelstandoff": 6},
    )
    text = (
        f"{len(chosen)} rows of the test part from the best to the worst, each with its {told}."
        f"{_explained(data)}"
    )
    alt = f"Input, target and answer of {len(chosen)} rows of the test part"
    height, width, _ = mosaic.shape
    ratio = height / width
    return text, Picture(figure=figure, alt=alt, height=90 + 170 * len(chosen), ratio=ratio)


def table(data: Data, answers: NDArray[np.floating[Any]]) -> tuple[str, Table]:
    """Returns targets and answers of sequences as text, and what they are; as ``picture``."""
    chosen = _spread(_errors(data, answers))
    targets, found = _shown(data, data.raw_targets("test")[chosen], answers[chosen])
    rows = [
        (str(row), _sequence(target, data), _sequence(answer, data))
        for row, target, answer in zip(chosen, targets, found, strict=True)
    ]
    text = f"{len(rows)} rows of the test part from the best to the worst, step by step."
    return text, Table(columns=("row", "target", "answer"), rows=rows)


def _are_classes(data: Data) -> bool:
    return data.outputs.task != "regression"


def _shown(data: Data, targets: NDArray[Any], answers: NDArray[Any]) -> tuple[Any, Any]:
    """Positions of classes, or numbers, of each place ``(rows, *axes[, units])``."""
    if data.classes is not None:
        positions = np.searchsorted(np.array(data.classes), targets[..., 0])
        counts = np.isin(targets[..., 0], data.classes)
        chosen = answers.argmax(-1) if answers.shape[-1] > 1 else answers[..., 0] > HALF
        return np.where(counts, positions, -1), chosen.astype(int)
    if data.outputs.task == "labels":
        return targets[..., 0].astype(int), (answers[..., 0] > HALF).astype(int)
    return targets.astype(np.float64), answers.astype(np.float64)


def _errors(data: Data, answers: NDArray[Any]) -> NDArray[np.float64]:
    """Of each row: the share of wrong places, or the root of the mean square, of what counts."""
    target, answer = _shown(data, data.raw_targets("test"), answers)
    off = (target != answer) if _are_classes(data) else np.square(target - answer).mean(axis=-1)
    weights = data.test.weights
    counts = np.ones(off.shape) if weights is None else np.broadcast_to(weights > 0, off.shape)
    axes = tuple(range(1, off.ndim))
    mean = (off * counts).sum(axis=axes) / np.maximum(counts.sum(axis=axes), 1)
    errors: NDArray[np.float64] = mean if _are_classes(data) else np.sqrt(mean)
    return errors


def _spread(errors: NDArray[np.float64]) -> NDArray[np.int64]:
    order = np.argsort(errors, kind="stable")
    places = np.linspace(0, len(order) - 1, min(COUNT, len(order))).round().astype(int)
    chosen: NDArray[np.int64] = order[places]
    return chosen


def _caption(data: Data, row: int, error: float) -> str:
    told = f"{error:.1%}" if _are_classes(data) else formatting.number(float(error))
    return f"row {row}<br>{told}"


def _explained(data: Data) -> str:
    if data.outputs.task == "labels":
        return f" Shown is the label {(data.targets or ('0',))[0]}."
    if not _are_classes(data) and data.outputs.units not in (1, RGB):
        return " Shown is the first channel."
    return ""


def _of_input(row: NDArray[Any]) -> Pixels:
    return _grey_or_colour(row if row.ndim > 2 else row[..., None], row)


def _opaque(values: NDArray[Any], target: NDArray[Any], data: Data) -> Pixels:
    """A mask in the colours of its classes, without pixels that do not count; or an image."""
    if not _are_classes(data):
        return _grey_or_colour(values, target)
    colours = [figure_style.PALE, *figure_style.COLOURS]
    of_class = np.array([[*bytes.fromhex(colour[1:]), 255] for colour in colours], np.uint8)
    pixels: Pixels = of_class[values % len(colours)]
    pixels[target < 0] = 0
    return pixels


def _grey_or_colour(values: NDArray[Any], like: NDArray[Any]) -> Pixels:
    """Numbers ``(height, width, channels)`` between the extremes of another image."""
    channels = values[..., :RGB] if values.shape[-1] == RGB else np.repeat(values[..., :1], RGB, -1)
    low, high = float(like.min()), float(like.max())
    shares = np.clip((channels.astype(np.float64) - low) / max(high - low, 1e-12), 0, 1)
    opacity = np.ones((*shares.shape[:2], 1))
    return np.asarray(np.concatenate([shares, opacity], axis=-1) * 255, np.uint8)


def _mosaic(lines: Sequence[Sequence[Pixels]]) -> tuple[Pixels, tuple[list[float], list[float]]]:
    """Pictures in lines and columns, and the middles of these, in pixels."""
    sized = [[_sized(one) for one in line] for line in lines]
    height, width = (max(one.shape[axis] for line in sized for one in line) for axis in (0, 1))
    gap = max(1, round(GAP * max(height, width)))
    whole = np.zeros(
        ((height + gap) * len(sized) - gap, (width + gap) * len(sized[0]) - gap, 4), np.uint8
    )
    for i, line in enumerate(sized):
        for j, one in enumerate(line):
            top, left = i * (height + gap), j * (width + gap)
            whole[top : top + one.shape[0], left : left + one.shape[1]] = one
    middles = [
        [(size - 1) / 2 + k * (size + gap) for k in range(count)]
        for size, count in ((height, len(sized)), (width, len(sized[0])))
    ]
    return whole, (middles[0], middles[1])


def _sized(pixels: Pixels) -> Pixels:
    """The same between ``SMALLEST`` and ``LARGEST``, where whole steps allow it."""
    side = max(pixels.shape[:2])
    step = -(-side // LARGEST)
    smaller = pixels[::step, ::step]
    times = max(1, SMALLEST // max(smaller.shape[:2]))
    return smaller.repeat(times, axis=0).repeat(times, axis=1)


def _save(pixels: Pixels, file: io.BytesIO) -> None:
    from PIL import Image

    Image.fromarray(pixels).save(file, "PNG")


def _sequence(values: NDArray[Any], data: Data) -> str:
    if data.classes is not None:
        named = [str(data.classes[v]) if v >= 0 else "-" for v in values.tolist()]
    elif _are_classes(data):
        named = [str(v) for v in values.tolist()]
    else:
        named = [formatting.number(float(v)) for v in values[..., 0].tolist()]
    return shorten(" ".join(named), CHARACTERS)
