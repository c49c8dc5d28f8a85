"""A ``HyperModel`` of KerasTuner whose ``fit(hp, model, *args, **kwargs)`` is the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from search_spaces.define_by_run import DefaultTrial, RecordingTrial, replayed
from search_spaces.errors import SpaceError, quoted
from search_spaces.keras_tuner.hyperparameters import HyperParameters
from search_spaces.objective_function import ObjectiveFunction, signature
from search_spaces.parameters.parameter import Parameter
from search_spaces.shapes import Inputs, Outputs
from search_spaces.user_code.isolation import user_code_errors

OURS = ("callbacks", "sample_weight", "validation_data")  # what fit() is given from here
KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class HyperModelWithFit(ObjectiveFunction):
    """Trains by itself: ``build(hp)``, then ``fit(hp, model, x, y, validation_data=..., ...)``.

    Of the arguments (``--argument``), those that its class takes make the instance. All others are
    handed to ``fit``, as ``tuner.search(..., epochs=10)`` of KerasTuner hands them over.

    Attributes:
        function: Its ``fit``.
        fit_arguments: What ``fit`` is given by name beside data and callbacks.
    """

    def _make(self, item: Any, path: str) -> Callable[..., Any]:
        self._path, self.fit_arguments = path, dict(self._arguments)
        for name in OURS:
            if name in self.fit_arguments:
                raise SpaceError(
                    f"Expected no --argument {name}: {self.name}.fit() is given that of the study. "
                    "Received one: leave it out."
                )
        if inspect.isclass(item):
            taken = [p.name for p in inspect.signature(item).parameters.values() if p.kind in KINDS]
            made_of = {n: self.fit_arguments.pop(n) for n in taken if n in self.fit_arguments}
            try:
                inspect.signature(item).bind(**made_of)
            except TypeError as e:
                raise SpaceError(
                    f"Expected --argument NAME=VALUE for {self.name}{signature(item)}: {e}."
                ) from e
            with user_code_errors(f"{self.name}()", path):
                item = item(**made_of)
        self._hypermodel = item
        function: Callable[..., Any] = item.fit
        return function

    def _may_take(self, *, data: bool) -> bool:
        return self._why_not_bound(data=data) is None

    def _why_not(self) -> str:
        return (
            f"Expected {self.name}.fit(hp, model, x, y, validation_data=..., callbacks=...), and "
            f"--argument NAME=VALUE for what else it needs. Received: "
            f"fit{signature(self.function)}: {self._why_not_bound(data=True)}."
        )

    def _why_not_bound(self, *, data: bool) -> TypeError | None:
        rows = (("x", "y"), {"validation_data": ()}) if data else ((), {})
        try:
            inspect.signature(self.function).bind(
                "hp", "model", *rows[0], **{**rows[1], "callbacks": [], **self.fit_arguments}
            )
        except TypeError as e:
            return e
        return None

    def build_once(self) -> None:
        """Builds a model with the defaults, as KerasTuner does before a search.

        Raises:
            SpaceError: ``build(hp)`` raises, or returns no model.
        """
        with user_code_errors(f"build() of {self.name}", self._path):
            self.build_model(DefaultTrial())

    def ranges(
        self,
        points: Sequence[Mapping[str, Any]],
        inputs: Inputs | None,
        outputs: Outputs | None,
    ) -> Mapping[str, Parameter]:
        return replayed(
            lambda trial: self._hypermodel.build(HyperParameters(trial.suggest)),
            points,
            self.overrides,
        )

    def build_model(self, trial: Any) -> tuple[HyperParameters, Any]:
        """Calls ``build(hp)`` for a trial.

        Args:
            trial: Of Optuna.

        Returns:
            ``hp``, which ``fit`` goes on asking, and the model.

        Raises:
            SpaceError: It is no Keras model.
        """
        import keras

        hp = HyperParameters(RecordingTrial(trial, {}).suggest)
        model = self._hypermodel.build(hp)
        if not isinstance(model, keras.Model):
            raise SpaceError(
                f"Expected build(hp) of {self.name} to return a keras.Model. Received: "
                f"{quoted(model)}."
            )
        return hp, model

    def fit(
        self,
        hp: HyperParameters,
        model: Any,
        rows: tuple[Any, ...],
        named: Mapping[str, Any],
        callbacks: list[Any],
    ) -> Any:
        """Returns what ``fit`` of the user's returns.

        Args:
            rows: ``x`` and ``y``, or nothing.
            named: ``validation_data`` and ``sample_weight`` where there are some.
            callbacks: Of Keras.
        """
        return self.function(hp, model, *rows, **named, callbacks=callbacks, **self.fit_arguments)
