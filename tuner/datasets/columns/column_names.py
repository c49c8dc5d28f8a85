"""Columns that have names, as those of a data frame do, and are asked for by them ever after."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tuner.datasets.columns.index_columns import is_unnamed
from tuner.datasets.errors import DataError
from tuner.errors import shorten


def names_of(values: Any) -> tuple[str, ...] | None:
    """Returns the names of a data frame's columns; None of arrays, and of numbered columns."""
    if isinstance(values, (Mapping, np.ndarray)):
        return None
    names = list(getattr(values, "columns", ()))
    return None if names == list(range(len(names))) else tuple(map(str, names))


def askable(values: Any) -> tuple[str, ...] | None:
    """Returns names that columns can be asked for by: as above, but none where two are alike."""
    names = names_of(values)
    return None if names is None or len(set(names)) < len(names) else names


def each_askable(values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Returns the same of each of several inputs that has names."""
    names_of_input = {name: askable(frame) for name, frame in values.items()}
    return {name: names for name, names in names_of_input.items() if names is not None}


def in_order(
    values: Any,
    names: Sequence[str] | None,
    source: str,
    own: Sequence[str] | None = None,
    aside: Collection[str] = (),
) -> Any:
    """Returns columns in the order of their names; what has no names comes as it is.

    Args:
        names: None where none are known.
        source: Where the columns come from, for messages.
        own: Names of the columns; by default those that a data frame has.
        aside: Those that may be there, and are left out.

    Raises:
        DataError: One is missing, or there are others.
    """
    own = own or names_of(values)
    if names is None or own is None or tuple(own) == tuple(names):
        return values
    check_names(own, names, source, aside)
    places = {name: place for place, name in enumerate(own)}
    return np.asarray(values)[:, [places[name] for name in names]]


def check_names(
    own: Collection[Any], names: Collection[str], source: str, aside: Collection[str] = ()
) -> None:
    """Checks the names of columns.

    Args:
        own: Those that there are.
        names: Those that there must be.
        aside: Those that may be there.

    Raises:
        DataError: One is missing or there twice, or there are others.
    """
    actual = list(own)
    problems = {
        "missing": [name for name in names if name not in set(actual)],
        "not known": [n for n in actual if n not in {*names, *aside} and not is_unnamed(n)],
        "twice": [name for name in names if actual.count(name) > 1]
        if _has_duplicates(actual)
        else [],
    }
    if any(problems.values()):
        received = "; ".join(
            f"{what}: {shown(columns)}" for what, columns in problems.items() if columns
        )
        raise DataError(
            f"{source}: expected the columns {shown(list(names))}. Received others ({received}): "
            "rename, add or remove columns."
        )


def _has_duplicates(names: list[Any]) -> bool:
    return len(set(names)) < len(names)


def shown(names: list[Any], most: int = 8) -> str:
    """Some names, for a message."""
    return ", ".join(shorten(str(name)) for name in names[:most]) + (
        ", ..." if len(names) > most else ""
    )
