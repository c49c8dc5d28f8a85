"""Data that cannot be used, and what is said then."""

from __future__ import annotations

from typing import Any

import pytest

from tuner.datasets import DataError, DataSpec, load


def error_of(asked: object, **fields: Any) -> str:
    """The one line that data are refused with.

    Args:
        asked: What is to be loaded, or only where it comes from.
        fields: Further fields of ``DataSpec``.
    """
    spec = asked if isinstance(asked, DataSpec) else DataSpec(source=str(asked), **fields)
    with pytest.raises(DataError) as caught:
        load(spec)
    (line,) = str(caught.value).splitlines()
    return line
