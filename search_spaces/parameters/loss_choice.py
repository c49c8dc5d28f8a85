"""What a model may learn by: losses of Keras by task, and the user's own in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from search_spaces.errors import SpaceError, shorten
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Value, format_value
from search_spaces.shapes import shown_task
from search_spaces.user_code.source_files import absolute_name, file_of, fingerprint

SEVERAL_OUTPUTS = "several"  # the task of models with several outputs
USUAL = "usual"  # the loss that fits the task: see `Outputs.loss`

_OF_NUMBERS = ("mse", "mae", "huber", "log_cosh")
_OF_SHARES = ("kld", "poisson", "msle")
_OF_SIGNS = ("hinge", "squared_hinge")
OF_BATCH = ("dice", "tversky")  # one number for all rows of a batch
_OF_FLAGS = ("binary_crossentropy", "binary_focal_crossentropy")
BY_TASK: dict[str, tuple[str, ...]] = {
    "binary": (*_OF_FLAGS, *_OF_SIGNS, *_OF_NUMBERS, *_OF_SHARES, *OF_BATCH),
    "labels": (*_OF_FLAGS, *_OF_SIGNS, *_OF_NUMBERS, *_OF_SHARES, *OF_BATCH),
    "classes": (
        "sparse_categorical_crossentropy",
        "categorical_crossentropy",
        "categorical_focal_crossentropy",
        "categorical_hinge",
        "cosine_similarity",
        *_OF_SIGNS,
        *_OF_NUMBERS,
        *_OF_SHARES,
        *OF_BATCH,
    ),
    "regression": (*_OF_NUMBERS, "mape", "cosine_similarity", *_OF_SHARES),
}
LOSSES = tuple(dict.fromkeys(name for names in BY_TASK.values() for name in names))
# Of numbers below 0 these say nothing.
NOT_NEGATIVE = _OF_SHARES


@dataclass(frozen=True)
class LossChoice(Choice):
    """A list of losses by their Keras names; a function or class in a file may be one too."""

    @property
    def searched(self) -> bool:
        """Whether trials of one study may learn by different losses."""
        return len(self.values) > 1

    @property
    def expected(self) -> str:
        return f"{super().expected}, or path/file.py:NAME"

    def means(self, value: Value) -> bool:
        return super().means(value) or (isinstance(value, str) and file_of(value) is not None)

    def check(self, task: str) -> None:
        """Refuses losses that the targets of a task do not have.

        Raises:
            SpaceError: Which one, and those that there are.
        """
        for value in self.values:
            name = format_value(value)
            if task == SEVERAL_OUTPUTS and name != USUAL:
                raise SpaceError(
                    "Expected no loss beside several outputs: each learns by the usual one of its "
                    f"task, and they are added. Received: {name}: leave it out."
                )
            if name != USUAL and file_of(name) is None and name not in BY_TASK[task]:
                raise SpaceError(
                    f"Expected a loss for the task {shown_task(task)}: "
                    f"{', '.join(BY_TASK[task])}, or path/file.py:NAME. Received: {shorten(name)}."
                )

    def _parse_category(self, text: str) -> Value:
        return super()._parse_category(text) if file_of(text) is None else absolute_name(text)

    def _range(self) -> dict[str, Any]:
        return {**super()._range(), "source": fingerprint(map(format_value, self.values))}
