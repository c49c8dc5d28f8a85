"""Words of other tuners, and of earlier versions, for values of options."""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType
from typing import Any

import click

from search_spaces.shapes import TASK_WORDS

STORED_TASKS = {word: stored for stored, word in TASK_WORDS.items()}
TASKS = ("binary", "multiclass", "multilabel", "regression")
PRUNERS = {"successive-halving": "asha", "successive_halving": "asha", "halving": "asha"}
DIRECTIONS = {"minimize": "min", "maximize": "max", "minimise": "min", "maximise": "max"}
SAMPLER_HINTS = {"bayesian": "gp", "bayes": "gp", "evolutionary": "nsga2"}


class Task(click.ParamType[str]):
    """``multiclass``; of several outputs ``digit=multiclass,ink=regression``."""

    name = "task"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Returns it in the store's words.

        Raises:
            UserError: There is no such task.
        """
        return ",".join(map(self._stored, str(value).split(",")))

    def _stored(self, piece: str) -> str:
        output, equals, task = piece.strip().rpartition("=")
        if task not in STORED_TASKS.values():
            check_name("--task", task, TASKS)
        return f"{output}{equals}{STORED_TASKS.get(task, task)}"


class YesNo(click.ParamType[bool | None]):
    """``yes``, ``no``, or ``auto``, which is None."""

    name = "yes|no|auto"
    words = MappingProxyType({"yes": True, "true": True, "no": False, "false": False, "auto": None})

    def convert(self, value: Any, param: Any, ctx: Any) -> bool | None:
        """Returns whether it is yes; None for auto.

        Raises:
            UserError: It is another word.
        """
        word = str(value).lower()
        if word not in self.words:
            check_name(param.opts[0] if param else "it", word, ("yes", "no", "auto"))
        return self.words[word]

    def get_metavar(self, param: Any, ctx: Any) -> str:
        """Returns what help shows."""
        return "yes|no|auto"


class Direction(click.Choice[str]):
    """``min`` or ``max``, in full, too."""

    def __init__(self) -> None:
        super().__init__(["min", "max"])

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Returns ``min`` or ``max``."""
        return super().convert(DIRECTIONS.get(value, value), param, ctx)


def check_name(
    option: str, name: str, names: Collection[str], hints: dict[str, str] | None = None
) -> None:
    """Refuses a name that is not among those known.

    Args:
        hints: What to say instead of words that are not close to what is meant.

    Raises:
        UserError: It is not; close ones are shown.
    """
    from tuner.errors import UserError, did_you_mean, quoted

    if name not in names:
        meant = (hints or {}).get(name)
        hint = f" Did you mean {meant!r}?" if meant else did_you_mean(name, names)
        raise UserError(
            f"Expected {option} to be one of {', '.join(names)}. Received: {quoted(name)}.{hint}"
        )
