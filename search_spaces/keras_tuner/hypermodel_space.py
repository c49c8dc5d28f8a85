"""A space that is a ``build(hp)`` function or a ``HyperModel`` of KerasTuner."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from search_spaces.define_by_run import FunctionSpace, RecordingTrial
from search_spaces.errors import SpaceError
from search_spaces.keras_tuner.hyperparameters import HyperParameters
from search_spaces.shapes import Inputs, Outputs
from search_spaces.user_code.isolation import user_code_errors

HP = ("hp", "hps", "hyperparameters")  # what the argument of ``build`` is called


def is_hypermodel(item: Any) -> bool:
    """Whether something of the user's is a ``build(hp)`` function, or has such a method.

    Args:
        item: A function, a class, or an instance such as ``MyHyperModel(classes=10)``.
    """
    build = item if inspect.isfunction(item) else getattr(item, "build", None)
    if not callable(build):
        return False
    try:
        named = [p for p in inspect.signature(_original(item, build)).parameters if p != "self"]
    except (TypeError, ValueError):
        return False
    return bool(named) and named[0] in HP and (inspect.isfunction(item) or len(named) == 1)


class HyperModelSpace(FunctionSpace):
    """The hyperparameters that ``build(hp)`` asks for.

    Args:
        hypermodel: What ``is_hypermodel`` recognises; of a class one instance is made.
        name: How the space is called.
        overrides: As for every space.

    Raises:
        SpaceError: The class cannot be made without arguments.
    """

    def __init__(self, hypermodel: Any, name: str, overrides: Sequence[str] = ()) -> None:
        if inspect.isclass(hypermodel):
            with user_code_errors(f"{name}()", inspect.getfile(hypermodel)):
                hypermodel = hypermodel()
        build = hypermodel if inspect.isfunction(hypermodel) else hypermodel.build
        super().__init__(build, name, overrides)
        if not inspect.isfunction(hypermodel):  # whose ``build`` KerasTuner may have wrapped
            self._function_name, self._file = "build", inspect.getfile(type(hypermodel))

    @staticmethod
    def _check_signature(function: Callable[..., Any], name: str) -> None:
        try:
            inspect.signature(function).bind("hp")
        except TypeError as e:
            raise SpaceError(f"Expected a function {name}(hp): {e}.") from e

    def _call(self, trial: RecordingTrial, inputs: Inputs | None, outputs: Outputs | None) -> Any:
        return self._function(HyperParameters(trial.suggest))


def _original(item: Any, build: Callable[..., Any]) -> Callable[..., Any]:
    """``build`` as the user wrote it: an instance of KerasTuner's class wraps its own."""
    return build if inspect.isfunction(item) or inspect.isclass(item) else type(item).build


def trains_itself(hypermodel: Any) -> bool:
    """Whether a class of the user's, or that of an instance, has a ``fit`` of its own.

    Args:
        hypermodel: What ``is_hypermodel`` recognises.
    """
    if inspect.isfunction(hypermodel):
        return False
    kind = hypermodel if inspect.isclass(hypermodel) else type(hypermodel)
    return any(
        "fit" in vars(base)
        and base.__module__.partition(".")[0] not in ("keras_tuner", "kerastuner")
        for base in kind.__mro__
    )
