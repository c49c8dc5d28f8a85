"""JSON that every reader takes: what is not a finite number becomes null."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from tuner.control_characters import escape_json


def text(document: object, *, indent: int | None = 2) -> str:
    """The document as JSON; ``indent=None`` keeps it on one line."""
    written = json.dumps(strict(document), indent=indent, ensure_ascii=False, allow_nan=False)
    return escape_json(written)


def strict(value: Any) -> Any:
    """The value with every NaN and infinity replaced by None."""
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
