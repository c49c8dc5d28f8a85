"""`SearchSpace`: named parameters, and how a model is built from their values."""

from __future__ import annotations

import hashlib
import inspect
import json
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces import model_outputs, training_parameters
from search_spaces import phases as training_phases
from search_spaces.data_fit import check_fit
from search_spaces.deprecated_names import RenamedAttributes, current_name
from search_spaces.errors import SpaceError, quoted
from search_spaces.expansion import assemble
from search_spaces.model_inputs import check_inputs, wrap_for_matrix
from search_spaces.parameters import grid_points, hyperparameter_values
from search_spaces.parameters import overrides as override_texts
from search_spaces.parameters.literals import Value
from search_spaces.parameters.parameter import Parameter
from search_spaces.phases import OF_PHASES, Phase
from search_spaces.shapes import Inputs, Learns, Outputs, Task
from search_spaces.space_description import ParameterRow, describe
from search_spaces.user_code.isolation import isolated, user_code_errors

if TYPE_CHECKING:
    import keras
    import numpy as np
    from optuna.trial import BaseTrial


class SearchSpace(RenamedAttributes, ABC):
    """Named parameters, and the Keras model that is built from their values.

    A space is a class whose parameters are class attributes; those of `training` are added to
    them, and an attribute of the same name replaces one. A parameter may exist only under a
    condition on others (``when=``).

    A class may have a method ``data(self, hyperparameters, data)``, which changes the rows of its
    trials: ``data`` holds raw arrays by the names ``x_train``, ``y_train``, ``x_val``, ..., and it
    returns a dict of those that are to take their place.

    Args:
        overrides: ``NAME=VALUES`` texts, as after ``--set``: see `parameters.overrides`.

    Raises:
        SpaceError: the declaration or an override is invalid.

    Attributes:
        name: name of the space; by default the name of the class in lower case.
        initial_points: points worth trying first, each with its most important values only.
        input_axes: shapes of rows that the models accept, as names of axes; empty for any.
        output_axes: of places of a row that the models of a family answer one by one, as names;
            empty ones for an answer to the row.
        same_axes: whether those places are those of the rows.
        other_size: what messages advise for other places.
        takes_words: whether rows may be indices of words, below ``inputs.vocabulary``.
        tasks: tasks that the models can learn; empty for any.
        alternative: what messages advise for other rows or tasks.
        learns: ``targets``, or ``rows`` if models reconstruct the flattened rows; the loss is then
            their mean squared error.
        compiles: whether ``build`` compiles the model, which then keeps its optimizer, loss and
            metrics: of the parameters of training only ``batch_size`` and ``epochs`` remain.
        own_loss: whether the models have a loss of their own, so that none can be chosen.
        tried_at_launch: whether a model of a family of ours is built before there is a study,
            because it needs what may be missing; those of users' code always are.
        declared_whole: whether all parameters are known before a model is built.
        names_are_open: whether there may be parameters that are known only in a training.
        source: sha256 of the user's file that defines the space; None for our families.

    Examples:
        >>> from search_spaces import Choice, Int
        >>> class Net(SearchSpace):
        ...     units = Int(16, 512, log=True)
        ...     activation = Choice(["relu", "tanh"])
        ...
        ...     def build(self, hyperparameters, inputs, outputs):
        ...         import keras
        ...
        ...         units, activation = hyperparameters["units"], hyperparameters["activation"]
        ...         x = keras.Input(inputs.shape)
        ...         hidden = keras.layers.Dense(units, activation)(x)
        ...         y = keras.layers.Dense(outputs.units, outputs.activation)(hidden)
        ...         return keras.Model(x, y)
        >>> space = Net(["units=32..64"])
        >>> space.parameters["units"].text
        '32..64:log'
        >>> net = space.build_default(Inputs(shape=(4,)), Outputs.for_task("binary"))
        >>> net.output_shape
        (None, 1)
    """

    name: str = ""
    initial_points: ClassVar[Sequence[Mapping[str, Value]]] = ()
    declared_whole: ClassVar[bool] = True
    names_are_open: ClassVar[bool] = False
    input_axes: ClassVar[Sequence[Sequence[str]]] = ()
    output_axes: ClassVar[Sequence[Sequence[str]]] = ((),)
    same_axes: ClassVar[bool] = True
    other_size: ClassVar[str] = "targets of that size"
    takes_words: ClassVar[bool] = False
    tasks: ClassVar[Sequence[Task]] = ()
    alternative: ClassVar[str] = "mlp"
    learns: ClassVar[Learns] = "targets"
    own_loss: ClassVar[bool] = False
    tried_at_launch: ClassVar[bool] = False
    compiles: ClassVar[bool] = False
    source: str | None = None
    _data_parameters: frozenset[str] = frozenset()
    _renamed: ClassVar[Mapping[str, str]] = {
        "starts": "initial_points",
        "takes": "input_axes",
        "otherwise": "alternative",
        "realise": "sample_and_build",
        "rehearse": "build_default",
    }

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.name = vars(cls).get("name", cls.__name__.lower())
        for name, value in list(vars(cls).items()):
            reserved = hasattr(SearchSpace, name) or name in SearchSpace._renamed
            if isinstance(value, Parameter) and reserved:
                raise SpaceError(f"Expected another name for the parameter {quoted(name)}.")
            if name in SearchSpace._renamed:
                setattr(cls, current_name(name, SearchSpace._renamed), value)

    def __init__(self, overrides: Sequence[str] = ()) -> None:
        typed = override_texts.parse(overrides)
        declared = self.declared()
        for name in OF_PHASES:
            if self.has_phases() and name in typed and name not in declared:
                raise SpaceError(
                    f"{name}={typed[name]}: Expected no value for {name}, which each phase of "
                    f"{self.name} has itself. Change it in phases(), or leave it out."
                )
        self._parameters = assemble(declared, typed)

    def add_data_parameters(self, parameters: Mapping[str, Parameter]) -> None:
        """Adds the parameters of the function that the data come from.

        Raises:
            SpaceError: the space has one of the same name.
        """
        common = parameters.keys() & {*self._parameters, *self.declared()}
        if common:
            raise self._named_twice(common)
        self._data_parameters = frozenset(parameters)
        self._parameters = {**self._parameters, **parameters}

    def _named_twice(self, names: Collection[str]) -> SpaceError:
        return SpaceError(
            f"Expected other names for parameters of the data than for those of {self.name}. "
            f"Received: {', '.join(sorted(names))}: rename them in the space or the data function."
        )

    @classmethod
    def declared(cls) -> dict[str, Parameter]:
        """Returns the declared parameters: of base classes, of the class, and of training."""
        own = {
            name: value
            for base in reversed(cls.__mro__)
            for name, value in vars(base).items()
            if isinstance(value, Parameter)
        }
        shared = {n: p for n, p in training_parameters.PARAMETERS.items() if n not in own}
        if cls.compiles:
            shared = {n: p for n, p in shared.items() if n not in training_parameters.OF_COMPILE}
        elif cls.own_loss:
            del shared["loss"]
        if cls.has_phases():
            own.pop("epochs", None)
            shared = {n: p for n, p in shared.items() if n not in OF_PHASES}
        return {**own, **shared}

    @classmethod
    def has_phases(cls) -> bool:
        """Whether the class says by `phases` how its models are trained."""
        return cls.phases is not SearchSpace.phases

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters in order, narrowed by overrides, one for each layer."""
        return MappingProxyType(self._parameters)

    def check(self, inputs: Inputs, outputs: Outputs | None = None) -> None:
        """Checks that models of this space accept such rows and tasks, without importing Keras.

        Args:
            inputs: shape and type of rows.
            outputs: the task; None to check the rows only.

        Raises:
            SpaceError: they do not; the message names a family that does.
        """
        check_fit(self, inputs, outputs)

    def check_values(self, rows: np.ndarray) -> None:
        """Checks that models of this space accept the values of scaled training rows.

        Args:
            rows: numbers, shape (rows, *inputs.shape).

        Raises:
            SpaceError: they do not; the message says what to do.
        """

    @abstractmethod
    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        """Builds a model, not compiled, from scaled rows to the head that the task needs.

        Args:
            hyperparameters: real values by name, of all parameters that exist in the trial.
            inputs: shape of a row; with several inputs, the shape of each by its name, which the
                model's input must have.
            outputs: units and activation of the head; with several outputs, those of each by its
                name, which the model's output must have.

        Returns:
            The model.
        """

    def phases(self, hyperparameters: Mapping[str, Any]) -> Sequence[Phase]:
        """Returns the phases of a training, in order; by default there is a single one.

        A class that has this method has no parameters ``learning_rate`` and ``epochs`` but
        those ``learning_rate`` that it declares itself.

        Args:
            hyperparameters: as for `build`.

        Examples:
            >>> from search_spaces import Phase
            >>> class Frozen(SearchSpace):
            ...     def build(self, hyperparameters, inputs, outputs): ...
            ...
            ...     def phases(self, hyperparameters):
            ...         return [
            ...             Phase(trainable="head", learning_rate=1e-3, epochs=5),
            ...             Phase(trainable="all", learning_rate=1e-5, epochs=10),
            ...         ]
            >>> Frozen.has_phases()
            True
        """
        return ()

    def construct(
        self,
        hyperparameters: Mapping[str, Any],
        inputs: Inputs,
        outputs: Outputs,
        *,
        number: int = 0,
    ) -> keras.Model:
        """Builds a model and adapts it to prepared rows: see `model_inputs.wrap_for_matrix`.

        Args:
            hyperparameters: as for `build`.
            inputs: as for `build`.
            outputs: as for `build`.
            number: of the trial, which a function may ask its trial for.

        Raises:
            SpaceError: ``build`` returned no model, or one that does not take these inputs or
                has other outputs.
        """
        declared = self._as_declared(hyperparameters)
        with isolated(f"build() of {self.name}"):
            model = self._build(declared, inputs, outputs, number)
        whole = wrap_for_matrix(self._checked(model, inputs, outputs), inputs, outputs)
        with isolated(f"phases() of {self.name}"):
            return training_phases.attach(whole, self._phases(declared))

    def _phases(self, hyperparameters: Mapping[str, Any]) -> tuple[Phase, ...]:
        if not self.has_phases():
            return ()
        return training_phases.check(self.phases(hyperparameters), self.name)

    def _build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs, _number: int
    ) -> keras.Model:
        return self.build(hyperparameters, inputs, outputs)

    def suggest(self, trial: BaseTrial) -> dict[str, Any]:
        """Samples the parameters of a trial; returns real values, also of fixed parameters."""
        return self._fill(lambda name, parameter: parameter.suggest(trial, name))

    def suggest_some(self, trial: BaseTrial, names: Collection[str]) -> dict[str, Any]:
        """Samples the parameters of these names, which are asked for before a model is built."""
        others = [name for name in self.parameters if name not in names]
        return self._fill(lambda name, parameter: parameter.suggest(trial, name), without=others)

    def sample_and_build(
        self, trial: BaseTrial, inputs: Inputs, outputs: Outputs
    ) -> tuple[dict[str, Any], keras.Model]:
        """Samples the hyperparameters of a trial, and builds their model.

        Raises:
            SpaceError: ``build`` returned no model, or one that does not take these inputs.
        """
        hyperparameters = self.suggest(trial)
        return hyperparameters, self.construct(hyperparameters, inputs, outputs)

    def build_default(self, inputs: Inputs, outputs: Outputs) -> keras.Model:
        """Builds the model of the defaults, to find errors in a space before the first trial.

        Raises:
            SpaceError: ``build`` raised (the message has the line in the user's file), or did not
                return a model with these inputs; it compiled the model and the class does not say
                so, or the other way round.
        """
        defaults = self.defaults(inputs, outputs)
        with user_code_errors(f"build() of {self.name}", inspect.getfile(type(self))):
            model = self._checked(self.build(defaults, inputs, outputs), inputs, outputs)
        with user_code_errors(f"phases() of {self.name}", inspect.getfile(type(self))):
            for phase in self._phases(defaults):
                training_phases.set_trainable(model, phase, self.name)
        if bool(model.compiled) != self.compiles:
            expected, received = ("", "not ") if self.compiles else ("not ", "")
            keeps = "is given an" if self.compiles else "keeps its own"
            raise SpaceError(
                f"Expected build() of {self.name} to return a model that is {expected}compiled. "
                f"Received one that is {received}compiled: set compiles = {not self.compiles} in "
                f"the class for a model that {keeps} optimizer and loss."
            )
        return model

    def defaults(self, inputs: Inputs, outputs: Outputs) -> dict[str, Any]:
        """Returns the value that each parameter has by default, of those that exist with them."""
        return self._fill(lambda _, parameter: parameter.default)

    def starting_points(self) -> list[dict[str, Any]]:
        """Returns the defaults and the points of ``initial_points``, adapted to the overrides.

        A number outside of its range becomes the closest one in it; a point with a category that
        is not in the range is left out.
        """
        points: list[dict[str, Any]] = []
        for named in ({}, *self.initial_points):
            try:
                point = self._point(named)
            except SpaceError:
                continue
            if point not in points:
                points.append(point)
        return points

    def ranges(
        self,
        points: Sequence[Mapping[str, Any]],
        inputs: Inputs | None,
        outputs: Outputs | None,
    ) -> Mapping[str, Parameter]:
        """Returns the parameters, those included that are known only when a model is built.

        Args:
            points: Models of the first of them are built to find those.
            inputs: As for `build`; None where the space trains by itself, and so ``outputs``.
        """
        return self.parameters

    def spread(self, fractions: Mapping[str, float]) -> dict[str, Any]:
        """Returns the point at these fractions of the ranges, by parameter, each in [0, 1)."""
        return self._fill(lambda name, parameter: parameter.at(fractions[name]))

    def grid(self) -> Iterator[dict[str, Any]]:
        """Yields all points of the grid, always in the same order; check with `grid_size` first."""
        return grid_points.points(self.parameters)

    def grid_size(self) -> int:
        """Returns the number of points of the grid.

        Raises:
            SpaceError: the parameters are known only when it runs; or see `grid_points.size`.
        """
        if not self.declared_whole:
            raise SpaceError(
                "Expected a space whose parameters are known before it runs. "
                f"Received: {self.name}, which is a function: write a subclass of SearchSpace."
            )
        return grid_points.size(self.parameters)

    def read(self, typed: Sequence[str]) -> dict[str, Any]:
        """Parses ``NAME=VALUE`` texts to real values; ``units=`` sets all of ``units_0``, ...

        Raises:
            SpaceError: a name is not a parameter, or a value is outside of its range.
        """
        return hyperparameter_values.read(self.parameters, typed, self.name)

    def encode(self, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what Optuna stores for real values: for an ordered list, an index.

        Fixed parameters are left out: Optuna does not sample them.

        Raises:
            SpaceError: a name is not a parameter, or a value is outside of its range.
        """
        return hyperparameter_values.encode(self.parameters, hyperparameters, self.name)

    def definition(self) -> dict[str, Any]:
        """Returns the space as values for JSON; spaces with equal definitions are the same."""
        parameters = {name: p.definition() for name, p in self.parameters.items()}
        return {"name": self.name, "parameters": parameters, "source": self.source}

    def fingerprint(self) -> str:
        """Returns the sha256 of the definition, in hexadecimal."""
        text = json.dumps(self.definition(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def describe(self) -> list[ParameterRow]:
        """Returns one row for each parameter, in order."""
        return describe(self.parameters)

    def _as_declared(self, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        declared = self.parameters
        return {
            name: declared[name].as_declared(value) if name in declared else value
            for name, value in hyperparameters.items()
        }

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
        model_outputs.check_outputs(model, outputs, self.name)
        check_inputs(model, inputs, outputs, self.name)
        return model

    def _fill(
        self,
        choose: Callable[[str, Parameter], Value],
        chosen: Mapping[str, Value] = MappingProxyType({}),
        without: Collection[str] = (),
    ) -> dict[str, Any]:
        """Returns ``chosen`` with a value for every other parameter that exists beside it."""
        filled = dict(chosen)
        for name, parameter in self.parameters.items():
            if name not in filled and name not in without and parameter.exists(filled):
                filled[name] = choose(name, parameter)
        return filled
