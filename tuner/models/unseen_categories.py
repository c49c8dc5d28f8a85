"""Categories of rows to come that no training row has: a model knows nothing of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets.columns.column_kinds import MOST_CATEGORIES
from tuner.datasets.columns.column_names import shown
from tuner.datasets.columns.encoding import MISSING
from tuner.errors import quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMED = 3  # categories of a note


def notes(
    columns: Mapping[str, NDArray[Any]], known: Mapping[str, Sequence[str]], source: str
) -> Iterator[str]:
    """Returns a line for each column with categories that are new.

    Columns with so many categories that rare ones share an input are passed over.

    Args:
        columns: Raw rows by column, each ``(rows, 1)``.
        known: The categories of the training rows, by column.
        source: Where the rows come from.

    Examples:
        >>> list(notes({"a": np.array([["x"], ["z"]])}, {"a": ["x", "y"]}, "new.csv"))
        ["new.csv: 1 of 2 rows has a category in 'a' that no training row has ('z')."]
    """
    for name, categories in known.items():
        if len(categories) >= MOST_CATEGORIES or name not in columns:
            continue
        texts = columns[name].ravel().astype(str)
        missing = MISSING if "" in categories else ()
        is_new = ~np.isin(texts, [*categories, *missing])
        if is_new.any():
            count = int(is_new.sum())
            first = [quoted(text) for text in np.unique(texts[is_new])[: NAMED + 1].tolist()]
            yield (
                f"{source}: {count} of {len(texts)} rows {'has' if count == 1 else 'have'} a "
                f"category in {quoted(name)} that no training row has ({shown(first, NAMED)})."
            )
