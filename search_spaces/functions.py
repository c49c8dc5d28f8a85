"""Define-by-run: a space that is a function ``build(trial, inputs, outputs)`` of the user's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search_spaces import overrides as override_texts
from search_spaces import training
from search_spaces.choices import Choice
from search_spaces.entrance import in_front
from search_spaces.errors import SpaceError, blame, did_you_mean
from search_spaces.parameters import Parameter
from search_spaces.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace
from search_spaces.values import Number, Value

if TYPE_CHECKING:
    import keras
    from optuna.trial import BaseTrial


class FunctionSpace(SearchSpace):
    """The parameters that a function suggests, and those of `training` that it does not.

    What the function suggests is known only when it runs. Overrides narrow it then, within the
    range the function names; `rehearse` finds those that fit nothing.

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
        try:
            inspect.signature(function).bind("trial", "inputs", "outputs")
        except TypeError as e:
            raise SpaceError(f"Expected a function {name}(trial, inputs, outputs): {e}.") from e
        typed = override_texts.parse(overrides)
        shared = [f"{n}={text}" for n, text in typed.items() if n in training.PARAMETERS]
        super().__init__(shared)
        self.name = name
        self._function = function
        self._typed = typed

    def realise(
        self, trial: BaseTrial, inputs: Inputs, outputs: Outputs
    ) -> tuple[dict[str, Any], keras.Model]:
        recorder = RecordingTrial(trial, self._typed)
        model = self._function(recorder, inputs, outputs)
        hyperparameters = self._fill(
            lambda name, parameter: parameter.suggest(trial, name), recorder.hyperparameters
        )
        return hyperparameters, in_front(self._checked(model, inputs, outputs), inputs, outputs)

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        from optuna.trial import FixedTrial

        model = self._function(FixedTrial(dict(hyperparameters)), inputs, outputs)
        return self._checked(model, inputs, outputs)

    def rehearse(self, inputs: Inputs, outputs: Outputs) -> keras.Model:
        recorder = RecordingTrial(DefaultTrial(), self._typed)
        with blame(f"{self._function.__name__}() of {self.name}", inspect.getfile(self._function)):
            model = self._checked(self._function(recorder, inputs, outputs), inputs, outputs)
        self._check_names(recorder.hyperparameters)
        return model

    def starting_points(self) -> list[dict[str, Any]]:
        """None: what is sensible for a function, only its author knows."""
        return []

    def encode(self, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what Optuna stores: of the function's own parameters, the values themselves."""
        shared = {n: value for n, value in hyperparameters.items() if n in self.parameters}
        own = {n: value for n, value in hyperparameters.items() if n not in self.parameters}
        return {**own, **super().encode(shared)}

    def definition(self) -> dict[str, Any]:
        own = {n: text for n, text in self._typed.items() if n not in training.PARAMETERS}
        return {**super().definition(), "overrides": own}

    def _check_names(self, suggested: Mapping[str, Value]) -> None:
        known = {*suggested, *map(override_texts.general, suggested), *training.PARAMETERS}
        for name, text in self._typed.items():
            if override_texts.general(name) not in known and name not in known:
                raise SpaceError(
                    f"{name}={text}: Expected a parameter that {self.name}() suggests. With its "
                    f"defaults these are {', '.join(suggested)}.{did_you_mean(name, known)}"
                )


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
        return self._suggest(name, Float(low, high, step=step, log=log))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> Any:
        return self._suggest(name, Int(low, high, step=step, log=log))

    def suggest_categorical(self, name: str, choices: Sequence[Value]) -> Any:
        return self._suggest(name, Choice(choices, ordered=False))

    def _suggest(self, name: str, parameter: Parameter) -> Value:
        text = self._typed.get(name, self._typed.get(override_texts.general(name)))
        if text is not None:
            parameter = override_texts.narrow(name, parameter, text)
        if isinstance(parameter, Choice):
            parameter = replace(parameter, ordered=False)
        value = parameter.suggest(self._trial, name)
        self.hyperparameters[name] = value
        return value


class DefaultTrial:
    """A trial without a study that suggests the middle of ranges and the first of categories."""

    number = 0

    def suggest_float(self, name: str, low: Number, high: Number, **scale: Any) -> Value:
        return Float(low, high, **scale).default

    def suggest_int(self, name: str, low: Number, high: Number, **scale: Any) -> Value:
        return Int(low, high, **scale).default

    def suggest_categorical(self, name: str, choices: Sequence[Value]) -> Value:
        return choices[0]
