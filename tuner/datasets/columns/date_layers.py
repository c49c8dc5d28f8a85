"""Parsing of ISO dates inside a model, with standard Keras layers and operations only.

Characters become digits, digits numbers, and year, month and day the days since 1970 in the
Gregorian calendar (Fliegel and Van Flandern, "A machine algorithm for processing calendar dates",
1968, in the form that counts years from March). All of it is exact in float32: no number exceeds
``2 ** 24``. So the saved model takes dates as text and loads without this package.

It accepts what ``tuner.datasets.columns.dates.read`` accepts. The time zone (``Z``, ``+02:00``,
``+0200``) is parsed from the end, because a fraction of a second has any number of digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tuner.datasets.columns.dates import DAY, MOST_DIGITS, Date

CHARACTERS = "0123456789-+:T .Z"
_FIRST = 2  # code of "0" from TextVectorization; 0 is padding, 1 any character not listed
_DIGITS, _SIGNS = "0123456789", "-+"
_PATTERN = "dddd-dd-dd dd:dd:dd."  # d a digit, and after the day " " or "T"; what follows digits
_DAY, _MINUTE, _SECOND = 10, 16, 19  # lengths of text up to the day, minute, second
_FRACTIONS = (_SECOND + 2, _SECOND + 1 + MOST_DIGITS)  # shortest and longest with a fraction
_ZONES = ("Z", "+dddd", "+dd:dd")  # + may be -
_TAIL = max(map(len, _ZONES))
_MARCH = 719468  # days from 0000-03-01 to 1970-01-01
LENGTH = _FRACTIONS[1] + _TAIL + 1  # one more than the longest date, to reject longer text


def encode_dates(text: Any, column: Date, *, name: str) -> list[Any]:
    """Returns what ``Date.encode`` computes: a tensor ``(rows, 1)`` for each of its columns.

    Args:
        text: ISO dates, string tensor ``(rows, 1)``. Other text counts as missing; its days are
            NaN where the column has no ``fill``.
        column: The fitted encoding.
        name: Of the TextVectorization layer.
    """
    import keras

    codes = keras.ops.cast(_characters(name)(text), "float32")
    is_date, *moment = _parse(codes)
    days, seconds, month = (keras.ops.cast(number, column.dtype) for number in moment)
    return column.pieces(keras.ops, is_date, days, seconds, month)


def _characters(name: str) -> Any:
    import keras

    return keras.layers.TextVectorization(
        standardize=None,
        split="character",
        vocabulary=list(CHARACTERS),
        output_sequence_length=LENGTH,
        name=name,
    )


def _parse(codes: Any) -> tuple[Any, Any, Any, Any]:
    """Whether there is a date, its day since 1970, second and month from 0; each ``(rows, 1)``."""
    import keras

    ops = keras.ops
    body, offset, zoned = _parse_zone(codes)
    is_date = ops.logical_and(_matches_pattern(codes, body), _has_valid_length(body, zoned))
    year, month, day, hour, minute, second = _numbers(codes, body)
    first, next_first = _first_day(year, month), _first_day(year, month + 1)
    is_valid = _within(month, 1, 12), _within(day, 1, next_first - first), _within(hour, 0, 23)
    for condition in (*is_valid, _within(minute, 0, 59), _within(second, 0, 59)):
        is_date = ops.logical_and(is_date, condition)
    # Conversion to UTC can move to the day before or after, and so to another month.
    seconds = hour * 3600 + minute * 60 + second - offset
    day_shift = ops.floor(seconds / DAY)
    day = day + day_shift
    month = month - 1 + _flag(day > next_first - first) - _flag(day < 1)
    return is_date, first + day - 1, seconds - day_shift * DAY, ops.mod(month, 12)


def _parse_zone(codes: Any) -> tuple[Any, Any, Any]:
    """Length of the text before its zone, the zone's seconds ahead of UTC, and whether it has one.

    Each ``(rows, 1)``.
    """
    import keras

    ops = keras.ops
    length = ops.sum(_flag(codes > 0), axis=1, keepdims=True)
    positions = ops.maximum(length - _TAIL + np.arange(_TAIL, dtype=np.float32), 0)
    tail = ops.take_along_axis(codes, ops.cast(positions, "int32"), axis=1)
    size = offset = 0.0 * length
    for form in _ZONES:
        start = _TAIL - len(form)
        hours, minutes, fits = _read_zone(tail[:, start:], form)
        # Without a time before it, "-01-31" is part of the date, not an offset.
        fits = fits * _flag(length >= _MINUTE + len(form))
        size = size + fits * len(form)
        if form[0] == "+":
            sign = _is_character(tail[:, start : start + 1], "+") * 2 - 1
            offset = offset + fits * sign * (hours * 3600 + minutes * 60)
    return length - size, offset, size > 0


def _read_zone(tail: Any, form: str) -> tuple[Any, Any, Any]:
    """Hours and minutes of a zone ``(rows, 1)``, and 1 where it is written so, else 0."""
    fits: Any = 1.0
    for place, pattern in enumerate(form):
        allowed = {"d": _DIGITS, "+": _SIGNS}.get(pattern, pattern)
        fits = fits * _is_character(tail[:, place : place + 1], allowed)
    digits = [tail[:, i : i + 1] - _FIRST for i, pattern in enumerate(form) if pattern == "d"]
    if not digits:
        return 0.0, 0.0, fits
    hours, minutes = 10 * digits[0] + digits[1], 10 * digits[2] + digits[3]
    return hours, minutes, fits * _flag(_within(hours, 0, 23)) * _flag(_within(minutes, 0, 59))


def _is_character(codes: Any, allowed: str) -> Any:
    """1 where a character is one of those allowed, which follow each other, else 0."""
    first = _FIRST + CHARACTERS.index(allowed[0])
    return _flag(_within(codes, first, first + len(allowed) - 1))


def _matches_pattern(codes: Any, body: Any) -> Any:
    """Whether all characters before the zone are what they must be at their places."""
    import keras

    ops = keras.ops
    # Row i marks the codes allowed at place i; its product with one-hot codes tests all at once.
    allowed_at = np.zeros((LENGTH, _FIRST + len(CHARACTERS)), np.float32)
    for place in range(LENGTH):
        allowed_at[place, [_FIRST + CHARACTERS.index(c) for c in _allowed_characters(place)]] = 1
    one_hot = ops.one_hot(ops.cast(codes, "int32"), allowed_at.shape[1], dtype="float32")
    is_allowed = ops.sum(one_hot * allowed_at, axis=2)
    is_after_end = _flag(body <= np.arange(LENGTH, dtype=np.float32))
    return ops.all(ops.maximum(is_allowed, is_after_end) > 0, axis=1, keepdims=True)


def _has_valid_length(body: Any, zoned: Any) -> Any:
    """Whether what stands before a zone ends where a date may end."""
    import keras

    ops = keras.ops
    has_time_end = ops.logical_or(ops.equal(body, _MINUTE), ops.equal(body, _SECOND))
    has_time_end = ops.logical_or(has_time_end, _within(body, *_FRACTIONS))
    return ops.logical_or(
        has_time_end, ops.logical_and(ops.equal(body, _DAY), ops.logical_not(zoned))
    )


def _allowed_characters(place: int) -> str:
    pattern = _PATTERN[place] if place < len(_PATTERN) else "d"
    return {"d": _DIGITS, " ": " T"}.get(pattern, pattern)


def _numbers(codes: Any, body: Any) -> list[Any]:
    """Year, month, day, hour, minute and second, each ``(rows, 1)``; 0 where none is written."""
    import keras

    places = [i for i, pattern in enumerate(_PATTERN) if pattern == "d"]
    weights = np.zeros((LENGTH, 6), np.float32)
    weights[places[:4], 0] = 1000, 100, 10, 1
    for number, place in enumerate(places[4::2], start=1):
        weights[place : place + 2, number] = 10, 1
    before = _flag(body > np.arange(LENGTH, dtype=np.float32))
    digits = keras.ops.clip(codes - _FIRST, 0, 9) * before
    return list(keras.ops.split(keras.ops.matmul(digits, weights), 6, axis=-1))


def _first_day(year: Any, month: Any) -> Any:
    """The first day of a month as days since 1970-01-01; month 13 is January of the next year."""
    import keras

    # With years from March, a leap day ends its year and (153 m + 2) // 5 days precede month m.
    floor = keras.ops.floor
    year = year - _flag(month < 3)  # which begins in March: January is of the one before
    of_year = floor((153 * keras.ops.mod(month + 9, 12) + 2) / 5)
    leap_days = floor(year / 4) - floor(year / 100) + floor(year / 400)
    return 365 * year + leap_days + of_year - _MARCH


def _within(number: Any, least: Any, most: Any) -> Any:
    import keras

    return keras.ops.logical_and(number >= least, number <= most)


def _flag(truth: Any) -> Any:
    import keras

    return keras.ops.cast(truth, "float32")
