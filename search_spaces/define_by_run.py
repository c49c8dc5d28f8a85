"""Define-by-run: a space that is a function ``build(trial, inputs, outputs)`` of the user's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search_spaces import loss_parameters, training_parameters
from search_spaces.errors import SpaceError, did_you_mean
from search_spaces.expansion import assemble
from search_spaces.model_inputs import wrap_for_matrix
from search_spaces.parameters import overrides as override_texts
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Number, Value, plain, stored
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace
from search_spaces.user_code.isolation import isolated, user_code_errors

if TYPE_CHECKING:
    import keras
    from optuna.trial import BaseTrial

MOST_REPLAYED = 10  # points with which a model is built to find the parameters


class FunctionSpace(SearchSpace):
    """The parameters that a function suggests, and those of `training` that it does not.

    What the function suggests is known only when it runs. Overrides narrow it then, within the
    range the function names; `build_default` finds those that fit nothing.

    Args:
        function: called with a trial, `Inputs` and `Outputs`; returns a model, not compiled.
        name: how the space is called.
        overrides: as for every space.
    """

    declared_whole = False
    takes_words = True  # what it makes of them is for the user to know

    def __init__(
        self, function: Callable[..., Any], name: str, overrides: Sequence[str] = ()
    ) -> None:
        self._check_signature(function, name)
        typed = override_texts.parse(overrides)
        super().__init__(self._shared(typed))
        self.name = name
        self._function = function
        self._function_name = function.__name__
        self._file = inspect.getfile(function)
        self._typed = typed

    def sample_and_build(
        self, trial: BaseTrial, inputs: Inputs, outputs: Outputs
    ) -> tuple[dict[str, Any], keras.Model]:
        recorder = RecordingTrial(trial, self._typed)
        with isolated(f"build() of {self.name}"):
            model = self._call(recorder, inputs, outputs)
        model = self._checked(model, inputs, outputs)
        hyperparameters = self._fill(
            lambda name, parameter: parameter.suggest(trial, name),
            recorder.hyperparameters,
            without=training_parameters.OF_COMPILE if model.compiled else (),
        )
        return hyperparameters, wrap_for_matrix(model, inputs, outputs)

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        return self._build(hyperparameters, inputs, outputs, 0)

    def _build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs, number: int
    ) -> keras.Model:
        from optuna.trial import FixedTrial

        params = {name: stored(value) for name, value in hyperparameters.items()}
        trial = RecordingTrial(FixedTrial(params, number=number), {})
        return self._checked(self._call(trial, inputs, outputs), inputs, outputs)

    def build_default(self, inputs: Inputs, outputs: Outputs) -> keras.Model:
        recorder = RecordingTrial(DefaultTrial(), self._typed)
        with user_code_errors(f"{self._function_name}() of {self.name}", self._file):
            model = self._checked(self._call(recorder, inputs, outputs), inputs, outputs)
        self._check_names(recorder.hyperparameters)
        if model.compiled:
            self._check_used(recorder.hyperparameters)
        return model

    def defaults(self, inputs: Inputs, outputs: Outputs) -> dict[str, Any]:
        recorder = RecordingTrial(DefaultTrial(), self._typed)
        with isolated(f"build() of {self.name}"):
            compiled = self._call(recorder, inputs, outputs).compiled
        return self._fill(
            lambda _, parameter: parameter.default,
            recorder.hyperparameters,
            without=training_parameters.OF_COMPILE if compiled else (),
        )

    def ranges(
        self,
        points: Sequence[Mapping[str, Any]],
        inputs: Inputs | None,
        outputs: Outputs | None,
    ) -> Mapping[str, Parameter]:
        built: list[Any] = []

        def build(trial: RecordingTrial) -> None:
            built.append(self._call(trial, inputs, outputs))

        own = replayed(build, points, self._typed)
        compiled = any(getattr(model, "compiled", False) for model in built)
        without = training_parameters.OF_COMPILE if compiled else ()
        return {n: p for n, p in self.parameters.items() if n not in without} | own

    def starting_points(self) -> list[dict[str, Any]]:
        """None: what is sensible for a function, only its author knows."""
        return []

    def encode(self, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what Optuna stores: of the function's own parameters, the values themselves."""
        shared = {n: value for n, value in hyperparameters.items() if n in self.parameters}
        own = {n: value for n, value in hyperparameters.items() if n not in self.parameters}
        return {**{n: stored(value) for n, value in own.items()}, **super().encode(shared)}

    def definition(self) -> dict[str, Any]:
        own = {n: text for n, text in self._typed.items() if not _is_shared(n)}
        return {**super().definition(), "overrides": own}

    def _shared(self, typed: Mapping[str, str]) -> list[str]:
        """Overrides of the parameters of training; what they refuse may be the function's own."""
        self._refused: dict[str, SpaceError] = {}
        shared = []
        declared = self.declared()
        for name in filter(_is_shared, typed):
            known = declared.get(name)
            needed = {name, "loss"} if known is None else {name, *known.when}
            try:
                assemble(declared, {n: typed[n] for n in typed if n in needed})
            except SpaceError as e:
                self._refused[name] = e
            else:
                shared.append(f"{name}={typed[name]}")
        return shared

    @staticmethod
    def _check_signature(function: Callable[..., Any], name: str) -> None:
        try:
            inspect.signature(function).bind("trial", "inputs", "outputs")
        except TypeError as e:
            raise SpaceError(f"Expected a function {name}(trial, inputs, outputs): {e}.") from e

    def _call(self, trial: RecordingTrial, inputs: Inputs | None, outputs: Outputs | None) -> Any:
        return self._function(trial, inputs, outputs)

    def _check_used(self, suggested: Mapping[str, Value]) -> None:
        """Refuses values for what a model that comes compiled decides itself."""
        for name in self._typed:
            if name in training_parameters.OF_COMPILE and name not in suggested:
                raise SpaceError(
                    f"Expected no value for {name}: {self.name}() returns a compiled model, which "
                    "keeps its own optimizer and loss. Suggest it in the function, or compile "
                    "nothing there."
                )

    def _check_names(self, suggested: Mapping[str, Value]) -> None:
        common = self._data_parameters & suggested.keys()
        if common:
            raise self._named_twice(common)
        for name, error in self._refused.items():
            if name not in suggested:
                raise error
        names = {
            *suggested,
            *map(override_texts.general, suggested),
            *self.parameters,
        }
        for name, text in self._typed.items():
            if override_texts.general(name) not in names and name not in names:
                raise SpaceError(
                    f"{name}={text}: Expected a parameter that {self.name}() suggests. With its "
                    f"defaults these are {', '.join(suggested)}.{did_you_mean(name, names)}"
                )


def _is_shared(name: str) -> bool:
    """Whether an override is of the training of every space."""
    return name in training_parameters.PARAMETERS or loss_parameters.is_of_loss(name)


class RecordingTrial:
    """A trial whose suggestions are narrowed by overrides, and remembered.

    Everything else is the trial's own. A list stays a list of categories here, so that Optuna
    stores real values for whatever the function suggests.
    """

    def __init__(self, trial: Any, typed: Mapping[str, str]) -> None:
        self.hyperparameters: dict[str, Value] = {}
        self._trial = trial
        self._typed = typed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trial, name)

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,
        *,
        step: float | None = None,
        log: bool = False,
    ) -> Any:
        return self.suggest(name, Float(low, high, step=step, log=log))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> Any:
        return self.suggest(name, Int(low, high, step=step, log=log))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        listed = choices if isinstance(choices, str) else list(choices)  # NumPy's arrays, too
        return self.suggest(name, Choice(listed, ordered=False))

    def suggest(self, name: str, parameter: Parameter) -> Any:
        """Returns the value of any parameter, within its override."""
        text = override_texts.override_of(name, self._typed)
        if text is not None:
            parameter = override_texts.narrow(name, parameter, text)
        if isinstance(parameter, Choice):
            parameter = replace(parameter, ordered=False)
        value = self._value(name, parameter)
        self.hyperparameters[name] = plain(value)
        return value

    def _value(self, name: str, parameter: Parameter) -> Any:
        first = isinstance(self._trial, DefaultTrial)
        return parameter.default if first else parameter.suggest(self._trial, name)


class ReplayingTrial(RecordingTrial):
    """A trial that suggests the values of a point as far as they can be, and else defaults.

    Attributes:
        ranges: What was asked for, by name.
    """

    def __init__(self, point: Mapping[str, Any], typed: Mapping[str, str]) -> None:
        super().__init__(DefaultTrial(), typed)
        self._point = point
        self.ranges: dict[str, Parameter] = {}

    def _value(self, name: str, parameter: Parameter) -> Any:
        self.ranges[name] = parameter
        if name in self._point and parameter.contains(self._point[name]):
            return parameter.nearest(self._point[name])
        return parameter.default


def replayed(
    call: Callable[[RecordingTrial], Any],
    points: Sequence[Mapping[str, Any]],
    typed: Mapping[str, str],
) -> dict[str, Parameter]:
    """Returns what a function asks for when it is called with defaults, and with a few points.

    Args:
        call: Calls it; what it raises for a point that is not its own is no error.
        points: The most important ones first.
        typed: Overrides.
    """
    ranges: dict[str, Parameter] = {}
    for point in reversed([*points[:MOST_REPLAYED], {}]):
        trial = ReplayingTrial(point, typed)
        with suppress(SpaceError), isolated("a model of a past trial"):
            call(trial)
        ranges |= trial.ranges
    return ranges


class DefaultTrial:
    """A trial without a study that suggests the middle of ranges and the first of categories.

    Parameters that have a default of their own are not asked of it.
    """

    number = 0

    def suggest_float(self, name: str, low: Number, high: Number, **scale: Any) -> Value:
        return Float(low, high, **scale).default

    def suggest_int(self, name: str, low: Number, high: Number, **scale: Any) -> Value:
        return Int(low, high, **scale).default

    def suggest_categorical(self, name: str, choices: Sequence[Value]) -> Value:
        return choices[0]
