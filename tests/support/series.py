"""A data function whose rows depend on its arguments, and the same rows made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

LONGEST = 12
ROWS = 120
FUNCTION = f"""
from pathlib import Path
import numpy as np
from search_spaces import Choice, Int

columns = Choice(["both", "first"])

def load(window=Int(2, {LONGEST}, default=4), columns="both", scale=1.0):
    with Path(__file__).with_suffix(".calls").open("a") as calls:
        calls.write(f"{{window}} {{columns}}\\n")
    x = np.cumsum(np.random.default_rng(0).normal(size=({ROWS + LONGEST}, 2)), axis=0) * scale
    rows = np.stack([x[end - window : end] for end in range({LONGEST}, len(x))])
    return rows if columns == "both" else rows[:, :, :1], x[{LONGEST}:, 0]
"""


def write_function(folder: Path) -> str:
    """Writes ``FUNCTION`` to a file and returns the source of data that names it."""
    path = folder / "series.py"
    path.write_text(FUNCTION)
    return f"{path}:load"


def calls(folder: Path) -> list[str]:
    """The arguments of each call of the function so far."""
    path = folder / "series.calls"
    return path.read_text().splitlines() if path.exists() else []


def by_hand(window: int) -> tuple[np.ndarray, np.ndarray]:
    """The windows ``(rows, window, 2)`` and targets ``(rows,)`` of both columns."""
    x = np.cumsum(np.random.default_rng(0).normal(size=(ROWS + LONGEST, 2)), axis=0)
    rows = np.zeros((ROWS, window, 2))
    for row in range(ROWS):
        for step in range(window):
            rows[row, step] = x[LONGEST + row - window + step]
    return rows, x[LONGEST:, 0]
