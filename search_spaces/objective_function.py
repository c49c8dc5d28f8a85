"""Objective functions: code of the user's own that trains by itself and returns a number.

============================================  ====================================================
``def objective(trial):``                     an objective function, unchanged from Optuna
``def objective(trial, data):``               one that takes the data of ``--data`` too
``def objective(trial, epochs=9):``           one with arguments of its own (``--argument``)
``class Objective:`` with ``__call__``        a class, made of the arguments (``--argument``)
``def make(epochs, width=64):``               a function of the arguments that returns one of these
``class Net(kt.HyperModel):`` with ``fit``    see `search_spaces.keras_tuner.hypermodel_with_fit`
============================================  ====================================================
"""

from __future__ import annotations

import ast
import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError, quoted
from search_spaces.keras_tuner.hypermodel_space import HP
from search_spaces.parameters import overrides as override_texts
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace
from search_spaces.user_code.definitions import find_definition, find_methods
from search_spaces.user_code.isolation import user_code_errors

if TYPE_CHECKING:
    import keras
    from optuna.trial import BaseTrial

BUILDS = 3  # arguments of a function that builds a model: trial, inputs, outputs


class ObjectiveFunction(SearchSpace):
    """A search space whose parameters are known only to the function that trains.

    Args:
        item: What the user's file calls by that name.
        name: How it is called.
        overrides: As for every space; they narrow what the function suggests.
        arguments: ``NAME=VALUE`` texts for a class or for a function that makes the objective.

    Attributes:
        function: Called with a trial, and with the data where it takes them.
        takes_data: Whether it takes the data of ``--data``.
        needs_data: Whether it cannot be called without.
    """

    declared_whole = False
    names_are_open = True
    takes_words = True

    def __init__(
        self,
        item: Any,
        name: str,
        overrides: Sequence[str] = (),
        arguments: Sequence[str] = (),
        path: str = "",
    ) -> None:
        super().__init__(())
        self._parameters = {}
        self.name = name
        self.overrides = override_texts.parse(overrides)
        self._arguments = parse_arguments(arguments)
        self.function = self._make(item, path)
        self.takes_data, self.needs_data = self._may_take(data=True), not self._may_take(data=False)
        if self.needs_data and not self.takes_data:
            raise SpaceError(self._why_not())

    def _may_take(self, *, data: bool) -> bool:
        """Whether the function can be called with, or without, the data of ``--data``."""
        return _takes_data(self.function) if data else _can_take(self.function, "trial")

    def _why_not(self) -> str:
        return (
            f"Expected {self.name} to be a function (trial), (trial, data), or with --argument one "
            f"that makes such a function. Received: {self.name}{signature(self.function)}."
        )

    def _make(self, item: Any, path: str) -> Callable[..., Any]:
        """Calls a class or a function of the arguments, or hands them to the objective itself."""
        objective = functools.partial(item, **self._arguments) if callable(item) else item
        takes_trial = _can_take(objective, "trial") or _can_take(objective, "trial", "data")
        if takes_trial and not inspect.isclass(item) and not _can_take(item, **self._arguments):
            return _callable(objective, self.name)
        try:
            _bind(item, self._arguments)
        except (TypeError, ValueError) as e:
            raise SpaceError(
                f"Expected --argument NAME=VALUE for {self.name}{signature(item)}: {e}."
            ) from e
        with user_code_errors(f"{self.name}()", path):
            made = item(**self._arguments)
        return _callable(made, self.name)

    @classmethod
    def declared(cls) -> dict[str, Any]:
        return {}

    def check_data(self, *, given: bool) -> None:
        """Checks that the function takes data where they are given, and only there.

        Raises:
            SpaceError: It does not.
        """
        if given and not self.takes_data:
            raise SpaceError(
                f"Expected no --data with {self.name}{signature(self.function)}, which takes none. "
                "Received one: leave it out, or let the function take it."
            )
        if not given and self.needs_data:
            raise SpaceError(
                f"Expected --data for {self.name}{signature(self.function)}. Received none: name a "
                "data set."
            )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        raise SpaceError(no_model(self.name))

    def suggest(self, trial: BaseTrial) -> dict[str, Any]:
        raise SpaceError(no_model(self.name))

    def starting_points(self) -> list[dict[str, Any]]:
        """None: what is sensible for a function, only its author knows."""
        return []

    def encode(self, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the values as they are: the function alone knows its parameters."""
        return dict(hyperparameters)

    def read(self, typed: Sequence[str]) -> dict[str, Any]:
        """Returns ``NAME=VALUE`` texts as values: the function alone knows what they may be."""
        return parse_arguments(typed)

    def definition(self) -> dict[str, Any]:
        return {**super().definition(), "overrides": self.overrides, "arguments": self._arguments}


def no_model(name: str) -> str:
    """Says why something cannot be had of an objective function, in one line."""
    return (
        f"Expected a space whose models this program trains. Received: {name}, an objective "
        "function or a HyperModel with a fit() of its own, which trains by itself."
    )


def parse_arguments(texts: Sequence[str]) -> dict[str, Any]:
    """Returns the values of ``NAME=VALUE`` texts: JSON where it is that, else text.

    Raises:
        SpaceError: One has no name, or two have the same.
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not name.isidentifier() or not equals or name in values:
            raise SpaceError(f"Expected NAME=VALUE, each name once. Received: {quoted(text)}.")
        try:
            values[name] = json.loads(value)
        except ValueError:
            values[name] = value.strip()
    return values


def is_objective_function(name: str, arguments: Sequence[str] = ()) -> bool:
    """Whether a name seems to be that of an objective function, as its file is read.

    Args:
        name: Of a space, as for ``catalog.load``.
        arguments: Of the function or class; a space takes none.
    """
    if ":" not in name:
        return False
    node, methods = find_definition(name), find_methods(name)
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        return bool(arguments) or not (_builds(node) or _asks_hp(node))
    if isinstance(node, ast.ClassDef) or methods:
        return "__call__" in methods or is_hypermodel_with_fit(name)
    return node is not None and not isinstance(node, ast.Constant)


def is_hypermodel_with_fit(name: str) -> bool:
    """Whether a name seems to be that of a ``HyperModel`` of KerasTuner with a ``fit`` of its own.

    Args:
        name: As for ``is_objective_function``.
    """
    methods = find_methods(name)
    return "fit" in methods and "build" in methods and _asks_hp(methods["build"], place=1)


def describes_objective(item: Any, arguments: Sequence[str] = ()) -> bool:
    """Whether what was loaded is an objective function, or makes one: see ``load``."""
    if inspect.isclass(item):
        is_space = issubclass(item, SearchSpace)
        return not is_space and any("__call__" in vars(base) for base in item.__mro__)
    if inspect.isfunction(item):
        places = list(inspect.signature(item).parameters.values())
        unlimited = any(place.kind is place.VAR_POSITIONAL for place in places)
        ordered = [one for one in places if one.kind <= one.POSITIONAL_OR_KEYWORD]
        needed = sum(one.default is one.empty for one in ordered)
        return bool(arguments) or (needed < BUILDS and not unlimited)
    return callable(item)


def _builds(node: ast.FunctionDef | ast.Lambda) -> bool:
    """Whether a function needs as many arguments as one that builds a model, or more."""
    places = node.args.posonlyargs + node.args.args
    needed = len(places) - len(node.args.defaults)
    return needed >= BUILDS or node.args.vararg is not None


def _asks_hp(node: ast.FunctionDef | ast.Lambda, place: int = 0) -> bool:
    """Whether a function is a ``build(hp)`` of KerasTuner: its argument says so."""
    places = node.args.posonlyargs + node.args.args
    return len(places) > place and places[place].arg in HP


def _bind(item: Any, arguments: Mapping[str, Any]) -> None:
    """Raises a TypeError, which names the argument that is wrong, unless they fit."""
    taken = inspect.signature(item)
    if next(iter(taken.parameters), None) == "trial" and "trial" not in arguments:
        taken.bind("trial", **arguments)  # the trial itself is not what is missing
    taken.bind(**arguments)


def _takes_data(function: Any) -> bool:
    """Whether data are handed over: a second argument with a value of its own is something else."""
    if not _can_take(function, "trial", "data"):
        return False
    places = list(inspect.signature(function).parameters.values())
    if len(places) == 1:
        return True
    return places[1].default is None or places[1].default is places[1].empty


def _can_take(function: Any, *arguments: str, **named: Any) -> bool:
    try:
        inspect.signature(function).bind(*arguments, **named)
    except (TypeError, ValueError):
        return False
    return True


def _callable(made: Any, name: str) -> Callable[..., Any]:
    if not callable(made) or inspect.isclass(made):
        raise SpaceError(
            f"Expected {name} to be, or to make, a function (trial). Received: {quoted(made)}."
        )
    function: Callable[..., Any] = made
    return function


def signature(function: Any) -> str:
    """The arguments of a function, as they are written."""
    target = function.func if isinstance(function, functools.partial) else function
    try:
        return str(inspect.signature(target))
    except (TypeError, ValueError):
        return "(...)"
