"""The names under which sources bring arrays: those of Keras, in the spellings that people use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tuner.datasets.columns.column_names import shown
from tuner.datasets.errors import DataError

# The names of the arrays of each part; those with a suffix are the ones Keras's own sets use.
WHOLE = ("x", "y")
BY_PART = {
    "train": ("x_train", "y_train"),
    "validation": ("x_val", "y_val"),
    "test": ("x_test", "y_test"),
}
PAIRS = (*WHOLE, *(name for pair in BY_PART.values() for name in pair))
WEIGHTS = {x_name: x_name.replace("x", "w", 1) for x_name in PAIRS if x_name[0] == "x"}
TARGET_NAMES = "y_names"  # of the columns of y
COLUMN_NAMES = "x_names"  # of those of x; of several inputs a field for each that has some
GROUP, TIME = "group", "time"  # of each training row, whether all rows are or not
NAMES = (*PAIRS, *WEIGHTS.values(), TARGET_NAMES, COLUMN_NAMES, GROUP, TIME)
FORMS = "x and y, or x_train, y_train and optionally x_val, y_val, x_test, y_test"

_AXES = {"weight": "w", "weights": "w", "sample_weight": "w", "sample_weights": "w"}
_SUFFIXES = {"training": "train", "valid": "val", "validation": "val", "dev": "val"}
_SPELLING = re.compile(rf"(x|y|w|{'|'.join(_AXES)})(?:_(train|val|test|{'|'.join(_SUFFIXES)}))?")


def standard_name(name: object) -> str | None:
    """Returns ``x_val`` for ``X_validation``, ``w`` for ``sample_weight``; None for other names."""
    lower = str(name).lower()
    spelling = _SPELLING.fullmatch(lower)
    if spelling is None:
        return lower if lower in NAMES else None
    axis, suffix = spelling.groups()
    axis, suffix = _AXES.get(axis, axis), _SUFFIXES.get(suffix, suffix)
    return axis if suffix is None else f"{axis}_{suffix}"


def by_standard_name(named: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Returns the arrays that are used, by the names of ``NAMES``.

    Args:
        named: Arrays by name.
        source: Where they come from, for messages.

    Raises:
        DataError: Two names mean the same array.
    """
    spelling: dict[str, str] = {}
    for name in named:
        standard = standard_name(name)
        if standard is None:
            continue
        if standard in spelling:
            raise DataError(
                f"{source}: expected one array {standard}. "
                f"Received both: {shown([spelling[standard], name])}: leave one of them out."
            )
        spelling[standard] = name
    return {standard: named[name] for standard, name in spelling.items()}


def note_of_unused(named: Mapping[str, Any]) -> tuple[str, ...]:
    """A line that names the arrays that are not used, if there are any."""
    unused = sorted(str(name) for name in named if standard_name(name) is None)
    if not unused:
        return ()
    return (f"Arrays that are not used: {shown(unused, 3)}. Used are {FORMS}, and w as weights.",)
