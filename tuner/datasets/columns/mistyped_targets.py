"""Targets that are text only because some of their numbers cannot be read."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tuner.datasets.columns import number_text
from tuner.datasets.columns.column_kinds import is_number_of_people, is_numeric
from tuner.datasets.errors import DataError
from tuner.errors import quoted

if TYPE_CHECKING:
    import pandas as pd

_MOST = 0.5  # share of the rows


def check(target: pd.Series, source: str) -> None:
    """Refuses a target of which most values are numbers, but not all, or written in several ways.

    Its numbers would be classes.

    Args:
        target: The column, whose numbers are such where all can be read.
        source: Where it comes from, for messages.

    Raises:
        DataError: It is so.
    """
    present = target.dropna()
    if is_numeric(target) or target.dtype.kind == "M" or not len(present):
        return
    counts = {str(text): int(n) for text, n in present.value_counts().items()}
    if number_text.read_numbers(counts) is not None:
        return  # codes, which are text on purpose
    numbers = set(filter(is_number_of_people, counts))
    if sum(counts[text] for text in numbers) <= _MOST * len(present):
        return
    odd = next((text for text in counts if text not in numbers), None)
    if odd is None:
        commas = [text for text in counts if "," in text]
        odd = (commas or list(counts))[0]
    name = str(target.name)
    raise DataError(
        f"{source[-60:]}: expected numbers in the target, as most are. Received: {quoted(odd, 24)} "
        f"in column {quoted(name, 24)}: correct it, say what is missing with --na-values, or take "
        f"all for classes with --categories {shlex.quote(name[:24])}."
    )
