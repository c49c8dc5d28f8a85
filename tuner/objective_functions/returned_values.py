"""The values of a trial's objectives, as a function of the user's own returned them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tuner.errors import quoted


def returned_values(answer: Any, count: int) -> list[float]:
    """Returns one value for each objective.

    Args:
        answer: What the function returned: a number, or a sequence or array of numbers.
        count: How many objectives the study has.

    Raises:
        ValueError: They are no numbers, or not as many as there are objectives.
    """
    answer = answer.tolist() if isinstance(answer, np.ndarray) else answer
    listed = isinstance(answer, Sequence) and not isinstance(answer, str | bytes)
    values = list(answer) if listed else [answer]
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count or len(values) != count:
        expected = "a number" if count == 1 else f"{count} numbers, one for each --objective"
        raise ValueError(f"Expected the objective to return {expected}. Received: {quoted(answer)}")
    return numbers
