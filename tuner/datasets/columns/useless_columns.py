"""Columns that can tell a model nothing: without any value, or with another text in each row."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from tuner.datasets.columns import dates, texts
from tuner.datasets.columns.column_kinds import ROWS_PER_CATEGORY, is_numeric, share_of_numbers

if TYPE_CHECKING:
    import pandas as pd

EMPTY = "no row has a value there"
IDENTIFIER = "nearly every row has another text there, as identifiers do"


def find(features: pd.DataFrame, given: Collection[str]) -> dict[str, str]:
    """Returns the columns that can tell a model nothing, and why: ``EMPTY`` or ``IDENTIFIER``.

    Args:
        features: A table's columns.
        given: Those whose kinds the user knows.
    """
    useless = {}
    for name in (name for name in features.columns if name not in given):
        column = features[name]
        if column.isna().all():
            useless[str(name)] = EMPTY
        elif not is_numeric(column) and _are_identifiers(column):
            useless[str(name)] = IDENTIFIER
    return useless


def _are_identifiers(column: pd.Series) -> bool:
    present = column.dropna()
    if column.dtype.kind not in "OU" or not isinstance(present.iloc[0], str):
        return False
    if ROWS_PER_CATEGORY * present.nunique() <= len(present) or dates.are_dates(column):
        return False
    return share_of_numbers(present, of_people=True) <= 0.5 and not texts.are_texts(present)
