"""`SearchSpace`: what may be tried, and the model that each choice means."""

from __future__ import annotations

import hashlib
import inspect
import json
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces import exits, training
from search_spaces import overrides as override_texts
from search_spaces.assembly import assemble
from search_spaces.choices import Choice
from search_spaces.entrance import check_entrances, in_front, spelt
from search_spaces.errors import SpaceError, blame, did_you_mean
from search_spaces.losses import LossChoice
from search_spaces.parameters import Parameter
from search_spaces.shapes import Inputs, Learns, Outputs, Task
from search_spaces.values import Value, spell

if TYPE_CHECKING:
    import keras
    import numpy as np
    from optuna.trial import BaseTrial


MAX_GRID = 100_000  # points


@dataclass(frozen=True, kw_only=True)
class Row:
    """One parameter, as ``tuner spaces NAME`` prints it."""

    name: str
    range: str
    default: str
    condition: str  # empty where it always exists
    accepts: str  # what an override may set
    help: str


class SearchSpace(ABC):
    """Named parameters, and the Keras model that is built from their values.

    A space is a class whose parameters are class attributes; those of `training` are added to
    them, and an attribute of the same name replaces one::

        class Net(SearchSpace):
            units = Int(16, 512, log=True)
            activation = Choice(["relu", "tanh"])

            def build(self, hyperparameters, inputs, outputs):
                ...

    A parameter may exist only under a condition on others (``when=``).

    Args:
        overrides: ``NAME=VALUES`` texts, as typed after ``--set``: see `overrides`.

    Raises:
        SpaceError: the declaration or an override makes no sense.

    Attributes:
        name: how the space is called; the name of the class in lower case unless it says another.
        starts: hyperparameters worth trying first, each naming only the values that make it what
            it is.
        takes: the shapes of rows that models of the space take, each axis by name; none for any.
        takes_words: whether rows may be the numbers of words, ``inputs.vocabulary`` of them.
        tasks: the tasks that models of the space can be taught; none for any.
        otherwise: what to take for other rows or tasks.
        learns: ``targets``, or ``rows`` where models answer with the rows themselves, flattened:
            what they are compared by is then the mean squared error of those.
        own_loss: whether models learn by a loss that belongs to them, so that none can be chosen.
        declared_whole: whether all parameters are known before a model is built.
        source: sha256 of the user's file that the space comes from; None for our own.
    """

    name: str = ""
    starts: ClassVar[Sequence[Mapping[str, Value]]] = ()
    declared_whole: ClassVar[bool] = True
    takes: ClassVar[Sequence[Sequence[str]]] = ()
    takes_words: ClassVar[bool] = False
    tasks: ClassVar[Sequence[Task]] = ()
    otherwise: ClassVar[str] = "mlp"
    learns: ClassVar[Learns] = "targets"
    own_loss: ClassVar[bool] = False
    source: str | None = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.name = vars(cls).get("name", cls.__name__.lower())
        for name, value in vars(cls).items():
            if isinstance(value, Parameter) and hasattr(SearchSpace, name):
                raise SpaceError(f"Expected another name for the parameter {name!r}.")

    def __init__(self, overrides: Sequence[str] = ()) -> None:
        self._parameters = assemble(self.declared(), override_texts.parse(overrides))

    @classmethod
    def declared(cls) -> dict[str, Parameter]:
        """The parameters as written: of the base classes, of the class, of training."""
        own = {
            name: value
            for base in reversed(cls.__mro__)
            for name, value in vars(base).items()
            if isinstance(value, Parameter)
        }
        shared = {n: p for n, p in training.PARAMETERS.items() if n not in own}
        if cls.own_loss:
            del shared["loss"]
        return {**own, **shared}

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters in order, after the overrides, one for each layer."""
        return MappingProxyType(self._parameters)

    def check(self, inputs: Inputs, outputs: Outputs | None = None) -> None:
        """Refuses rows and tasks that no model of this space takes, without importing Keras.

        Raises:
            SpaceError: What they are, what is expected, and what takes such rows.
        """
        if inputs.shapes is not None and self.source is None:
            raise SpaceError(
                f"Expected rows of one array for {self.name}. Received: the inputs "
                f"{spelt(inputs.shapes)}: write a space of your own, whose models have inputs of "
                "these names."
            )
        if outputs is not None and outputs.heads is not None:
            self._check_heads(outputs)
        if self.tasks and outputs is not None and outputs.task not in self.tasks:
            raise SpaceError(
                f"Expected the task {' or '.join(self.tasks)} for {self.name}. "
                f"Received: {outputs.task}: take {self.otherwise}."
            )
        if inputs.vocabulary is not None and not self.takes_words:
            raise SpaceError(
                f"Expected rows of numbers that measure something for {self.name}. "
                f"Received: the numbers of {inputs.vocabulary} words: take rnn, or say "
                "takes_words = True in a space of your own."
            )
        loss = self.parameters.get("loss")
        if isinstance(loss, LossChoice) and outputs is not None:
            loss.check(outputs.task)
        if self.takes and len(inputs.shape) not in map(len, self.takes):
            expected = " or ".join(
                f"({', '.join(axes)}{',' * (len(axes) == 1)})" for axes in self.takes
            )
            raise SpaceError(
                f"Expected rows of shape {expected} for {self.name}. "
                f"Received: {inputs.shape}: take {self.otherwise}."
            )

    def _check_heads(self, outputs: Outputs) -> None:
        if self.source is None:
            raise SpaceError(
                f"Expected targets of one array for {self.name}. Received: the outputs "
                f"{exits.spelt(outputs)}: write a space of your own, whose models have outputs of "
                "these names."
            )

    def check_values(self, rows: np.ndarray) -> None:  # noqa: B027 most spaces take any
        """Refuses scaled training rows whose values no model of this space takes.

        Args:
            rows: (rows, *shape), numbers.

        Raises:
            SpaceError: What is expected, and what to do.
        """

    @abstractmethod
    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        """Returns a model, not compiled, that takes scaled rows and ends in the head asked for.

        Args:
            hyperparameters: real values by parameter name, of all parameters that exist.
            inputs: the shape of a row; of several inputs that of each, by the name that the
                model's input must have.
            outputs: units and activation of the head; of several outputs those of each, by the
                name that the model's output must have.
        """

    def construct(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        """Returns what ``build`` does, such that it takes rows as they are kept.

        Raises:
            SpaceError: ``build`` returned no model, or one that does not take these inputs or
                has other outputs.
        """
        model = self._checked(self.build(hyperparameters, inputs, outputs), inputs, outputs)
        return in_front(model, inputs, outputs)

    def suggest(self, trial: BaseTrial) -> dict[str, Any]:
        """Returns the real values of the parameters that exist in this trial, fixed ones too."""
        return self._fill(lambda name, parameter: parameter.suggest(trial, name))

    def realise(
        self, trial: BaseTrial, inputs: Inputs, outputs: Outputs
    ) -> tuple[dict[str, Any], keras.Model]:
        """Returns the hyperparameters of a trial and the model they mean.

        Raises:
            SpaceError: ``build`` returned no model, or one that does not take these inputs.
        """
        hyperparameters = self.suggest(trial)
        return hyperparameters, self.construct(hyperparameters, inputs, outputs)

    def rehearse(self, inputs: Inputs, outputs: Outputs) -> keras.Model:
        """Returns the model of the defaults, to refuse a broken space before the first trial.

        Raises:
            SpaceError: ``build`` raised, with the place in the user's file, or returned no model
                that takes these inputs.
        """
        defaults = self._fill(lambda _, parameter: parameter.default)
        with blame(f"build() of {self.name}", inspect.getfile(type(self))):
            return self._checked(self.build(defaults, inputs, outputs), inputs, outputs)

    def starting_points(self) -> list[dict[str, Any]]:
        """Returns the defaults and the points of ``starts``, as far as the overrides allow.

        A number outside the range becomes the closest one; a point with a category that is not
        offered is left out.
        """
        points: list[dict[str, Any]] = []
        for named in ({}, *self.starts):
            try:
                point = self._point(named)
            except SpaceError:
                continue
            if point not in points:
                points.append(point)
        return points

    def spread(self, fractions: Mapping[str, float]) -> dict[str, Any]:
        """Returns the point at these fractions of the ranges, each in [0, 1), by parameter."""
        return self._fill(lambda name, parameter: parameter.at(fractions[name]))

    def grid(self) -> Iterator[dict[str, Any]]:
        """Returns every point, always in the same order; see `grid_size` for what is refused."""
        return self._points(tuple(self.parameters.items()), {}, set())

    def grid_size(self) -> int:
        """Returns how many points there are.

        Raises:
            SpaceError: a parameter is a range, not a list of values; or there are more than
                `MAX_GRID`.
        """
        if not self.declared_whole:
            raise SpaceError(
                "Expected a space whose parameters are known before it runs. "
                f"Received: the function {self.name}: write a subclass of SearchSpace."
            )
        ranges: set[str] = set()
        points = self._points(tuple(self.parameters.items()), {}, ranges)
        size = sum(1 for _ in islice(points, MAX_GRID + 1))
        if ranges:
            named = [name for name in self.parameters if name in ranges]
            raise SpaceError(
                f"Expected lists of values for a grid. Received ranges of {', '.join(named)}: "
                f"list or fix them, as in --set {named[0]}=VALUE,VALUE."
            )
        if size > MAX_GRID:
            raise SpaceError(
                f"Expected a grid of at most {MAX_GRID} points. Received a larger one: "
                "fix more parameters with --set."
            )
        return size

    def _points(
        self, parameters: Sequence[tuple[str, Parameter]], chosen: dict[str, Any], ranges: set[str]
    ) -> Iterator[dict[str, Any]]:
        """The points over the rest of the parameters; ranges count as one value, and are told."""
        if not parameters:
            yield dict(chosen)
            return
        (name, parameter), *rest = parameters
        if not parameter.exists(chosen):
            yield from self._points(rest, chosen, ranges)
            return
        if parameter.options is None:
            ranges.add(name)
        for value in parameter.options or (parameter.default,):
            yield from self._points(rest, {**chosen, name: value}, ranges)

    def read(self, typed: Sequence[str]) -> dict[str, Any]:
        """Returns the real values of ``NAME=VALUE`` texts; ``units=`` means each ``units_0``, ...

        Raises:
            SpaceError: a name is no parameter, or a value lies outside its range.
        """
        texts = override_texts.parse(typed)
        values, used = {}, set()
        for name, parameter in self.parameters.items():
            key = name if name in texts else override_texts.general(name)
            if key in texts:
                used.add(key)
                values[name] = _read(parameter, name, texts[key])
        for name in texts.keys() - used:
            hint = did_you_mean(name, self.parameters)
            raise SpaceError(f"Expected a parameter of {self.name}. Received: {name!r}.{hint}")
        return values

    def encode(self, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what Optuna stores for real values: the index in a list of numbers.

        Parameters that are fixed are left out, since Optuna never hears of them.

        Raises:
            SpaceError: a name is no parameter, or a value lies outside its range.
        """
        encoded = {}
        for name, value in hyperparameters.items():
            if name not in self.parameters:
                hint = did_you_mean(name, self.parameters)
                raise SpaceError(f"Expected a parameter of {self.name}. Received: {name!r}.{hint}")
            try:
                stored = self.parameters[name].encode(value)
            except SpaceError as e:
                raise SpaceError(f"{name}={value}: {e}") from e
            if not self.parameters[name].fixed:
                encoded[name] = stored
        return encoded

    def definition(self) -> dict[str, Any]:
        """What may be tried, as JSON; two spaces with equal definitions are the same space."""
        parameters = {name: p.definition() for name, p in self.parameters.items()}
        return {"name": self.name, "parameters": parameters, "source": self.source}

    def fingerprint(self) -> str:
        """Returns the sha256 of the definition, in hexadecimal."""
        text = json.dumps(self.definition(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def describe(self) -> list[Row]:
        """Returns one row for each parameter, in order."""
        return [_row(name, parameter) for name, parameter in self.parameters.items()]

    def _point(self, named: Mapping[str, Value]) -> dict[str, Any]:
        def choose(name: str, parameter: Parameter) -> Value:
            for key in (name, override_texts.general(name)):
                if key in named:
                    return parameter.nearest(named[key])
            return parameter.default

        return self._fill(choose)

    def _checked(self, model: object, inputs: Inputs, outputs: Outputs) -> keras.Model:
        import keras

        if not isinstance(model, keras.Model):
            raise SpaceError(
                f"Expected build() of {self.name} to return a keras.Model. "
                f"Received: {' '.join(reprlib.repr(model).split())}."
            )
        exits.check_exits(model, outputs, self.name)
        check_entrances(model, inputs, outputs, self.name)
        return model

    def _fill(
        self,
        choose: Callable[[str, Parameter], Value],
        chosen: Mapping[str, Value] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """Returns ``chosen`` with a value for every other parameter that exists beside it."""
        filled = dict(chosen)
        for name, parameter in self.parameters.items():
            if name not in filled and parameter.exists(filled):
                filled[name] = choose(name, parameter)
        return filled


def _read(parameter: Parameter, name: str, text: str) -> Value:
    try:
        value = parameter.parse(text)
        parameter.encode(value)
    except SpaceError as e:
        raise SpaceError(f"{name}={text}: {e}") from e
    return value


def _row(name: str, parameter: Parameter) -> Row:
    conditions = (test.describe(other) for other, test in parameter.conditions.items())
    return Row(
        name=name,
        range=parameter.text,
        default=spell(parameter.default),
        condition=" and ".join(conditions),
        accepts=parameter.expected,
        help=f"{parameter.help}{_more(parameter)}",
    )


def _more(parameter: Parameter) -> str:
    """What a list that is off until it is asked for has to offer."""
    if parameter.off is None or not isinstance(parameter, Choice) or not parameter.fixed:
        return ""
    others = [spell(value) for value in parameter.known if value not in parameter.values]
    return f" (or {', '.join(others)})" if others else ""
