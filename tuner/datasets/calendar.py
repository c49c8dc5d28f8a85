"""ISO dates read within a model, by Keras's own layers and operations alone.

Characters become digits, digits numbers, and year, month and day the days since 1970 in the
Gregorian calendar (Fliegel and Van Flandern, "A machine algorithm for processing calendar dates",
1968, in the form that counts years from March). All of it is exact in float32: no number exceeds
``2 ** 24``. The model file so takes text, as tables hold it, and opens where nothing of ours is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tuner.datasets.dates import CYCLES, DAY, Date

CHARACTERS = "0123456789-:T .Z"
LENGTH = 32  # characters that are read
_FIRST = 2  # number of "0": 0 is the end, 1 any other character
_PATTERN = "dddd-dd-dd dd:dd:dd."  # d a digit, and after the day " " or "T"; what follows "." any
_LENGTHS = (10, 16, 19)  # of a day, of minutes, of seconds; or more with a fraction
_MARCH = 719468  # days from 0000-03-01 to 1970-01-01


def encoded(text: Any, column: Date, *, name: str) -> list[Any]:
    """Returns what ``Date.encode`` computes, tensors ``(rows, 1)`` in the order of its columns.

    Args:
        text: Dates as ISO text in UTC, a tensor of strings ``(rows, 1)``; what is none counts as
            missing, and gives NaN where none may be missing.
        name: Of the layer that takes the text apart.
    """
    import keras

    ops = keras.ops
    codes = ops.cast(_characters(name)(text), "float32")
    known = _are_dates(codes)
    year, month, day, hour, minute, second = _numbers(codes)
    days = _days(year, month, day)
    seconds = hour * 3600 + minute * 60 + second
    first_day, first_second = divmod(column.earliest, DAY)
    since = (days - first_day) + (seconds - first_second) / DAY
    since = ops.where(known, since, math.nan if column.fill is None else column.fill)
    pieces = [(since - column.centre) / column.spread]
    present = ops.cast(known, "float32")
    if column.fill is not None:
        pieces.append(1 - present)
    phases = {"month": month - 1, "weekday": ops.mod(days + 3, 7), "hour": seconds / 3600}
    for cycle in column.cycles:
        angle = phases[cycle] * (2 * math.pi / CYCLES[cycle])
        pieces += [ops.sin(angle) * present, ops.cos(angle) * present]
    return pieces


def _characters(name: str) -> Any:
    import keras

    return keras.layers.TextVectorization(
        standardize=None,
        split="character",
        vocabulary=list(CHARACTERS),
        output_sequence_length=LENGTH,
        name=name,
    )


def _are_dates(codes: Any) -> Any:
    """Whether each row of characters' numbers is a date by its form, ``(rows, 1)``."""
    import keras

    ops = keras.ops
    wanted = np.zeros((LENGTH, _FIRST + len(CHARACTERS)), np.float32)
    for place in range(LENGTH):
        wanted[place, [_FIRST + CHARACTERS.index(c) for c in _allowed(place)]] = 1
        wanted[place, 0] = place >= _LENGTHS[0]
    marks = ops.one_hot(ops.cast(codes, "int32"), wanted.shape[1], dtype="float32")
    fitting = ops.sum(marks * wanted, axis=(1, 2)) > LENGTH - 0.5
    length = ops.sum(ops.cast(codes > 0, "float32"), axis=1)
    whole = length > _LENGTHS[-1]
    for one in _LENGTHS:
        whole = ops.logical_or(whole, ops.equal(length, one))
    return ops.expand_dims(ops.logical_and(fitting, whole), -1)


def _allowed(place: int) -> str:
    if place >= len(_PATTERN):
        return "0123456789Z"
    pattern = _PATTERN[place]
    return {"d": "0123456789", " ": " T", ".": ".Z"}.get(pattern, pattern)


def _numbers(codes: Any) -> list[Any]:
    """Year, month, day, hour, minute and second, each ``(rows, 1)``; 0 where none is written."""
    import keras

    places = [i for i, pattern in enumerate(_PATTERN) if pattern == "d"]
    weights = np.zeros((LENGTH, 6), np.float32)
    weights[places[:4], 0] = 1000, 100, 10, 1
    for number, place in enumerate(places[4::2], start=1):
        weights[place : place + 2, number] = 10, 1
    digits = keras.ops.clip(codes - _FIRST, 0, 9)
    return list(keras.ops.split(keras.ops.matmul(digits, weights), 6, axis=-1))


def _days(year: Any, month: Any, day: Any) -> Any:
    """Days since 1970-01-01."""
    import keras

    floor = keras.ops.floor
    year = year - keras.ops.cast(month < 2.5, "float32")
    of_year = floor((153 * keras.ops.mod(month + 9, 12) + 2) / 5) + day - 1
    leap_days = floor(year / 4) - floor(year / 100) + floor(year / 400)
    return 365 * year + leap_days + of_year - _MARCH
