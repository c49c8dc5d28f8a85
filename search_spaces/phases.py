"""Phases of a training: which layers learn, how fast, and for how many epochs.

Phases travel on the model that is trained: everybody who trains it has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError, did_you_mean, quoted, shorten
from search_spaces.model_inputs import OF_MATRIX, unwrap

if TYPE_CHECKING:
    import keras

ALL, NONE = "all", "none"
OF_PHASES = ("learning_rate", "epochs")  # parameters of training that phases say themselves
_ATTRIBUTE = "tuner_phases"  # of a model


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a training in which some layers learn.

    Attributes:
        learning_rate: Above 0; the trial's schedule begins with it.
        epochs: How long it takes, at least 1.
        trainable: What learns: ``"all"`` layers, ``"none"``, the name of a layer or several, or a
            function that is called with each ``keras.Layer`` and says whether it learns. Of a
            model within the model, its name stands for all its layers.

    Raises:
        SpaceError: A number is none of these.

    Examples:
        >>> head, whole = (
        ...     Phase(trainable="head", learning_rate=1e-3, epochs=5),
        ...     Phase(trainable="all", learning_rate=1e-5, epochs=10),
        ... )
        >>> head.epochs + whole.epochs
        15
    """

    learning_rate: float
    epochs: int
    trainable: str | Sequence[str] | Callable[[keras.Layer], bool] = ALL

    def __post_init__(self) -> None:
        if not _is_number(self.epochs) or self.epochs < 1 or self.epochs % 1:
            raise SpaceError(
                f"Expected a phase of at least 1 epoch. Received: epochs={quoted(self.epochs)}."
            )
        if not _is_number(self.learning_rate) or not 0 < self.learning_rate < float("inf"):
            raise SpaceError(
                "Expected a phase with a learning rate above 0. "
                f"Received: learning_rate={quoted(self.learning_rate)}."
            )


def check(phases: Any, name: str) -> tuple[Phase, ...]:
    """Returns what ``phases()`` of a space returned.

    Raises:
        SpaceError: It is no list of phases.
    """
    expected = f"Expected phases() of {name} to return a list of search_spaces.Phase."
    if not isinstance(phases, (list, tuple)) or not phases:
        raise SpaceError(f"{expected} Received: {quoted(phases)}.")
    for phase in phases:
        if not isinstance(phase, Phase):
            raise SpaceError(f"{expected} One of them is {quoted(phase)}.")
    return tuple(phases)


def attach(model: keras.Model, phases: tuple[Phase, ...]) -> keras.Model:
    """Returns the model, which now carries its phases."""
    if phases:
        setattr(model, _ATTRIBUTE, phases)
    return model


def phases_of(model: keras.Model) -> tuple[Phase, ...]:
    """Returns the phases that a model carries; none where it is trained in one go."""
    phases: tuple[Phase, ...] = getattr(model, _ATTRIBUTE, ())
    return phases


def epochs_of(model: keras.Model, hyperparameters: Mapping[str, Any]) -> int:
    """Returns how many epochs a model is trained for: of all phases together, where it has some."""
    return sum(phase.epochs for phase in phases_of(model)) or int(hyperparameters["epochs"])


def number_at(phases: Sequence[Phase], epoch: int) -> int:
    """Returns the phase that an epoch, counted from 0, belongs to; 0 where there are none."""
    ends = accumulate(phase.epochs for phase in phases)
    last = max(0, len(phases) - 1)
    return next((number for number, end in enumerate(ends) if epoch < end), last)


def start_of(phases: Sequence[Phase], number: int) -> int:
    """Returns the epochs before a phase."""
    return sum(phase.epochs for phase in phases[:number])


def set_trainable(model: keras.Model, phase: Phase, name: str = "the model") -> None:
    """Lets the layers learn that a phase names, and no others, layer by layer.

    Models within the model only hold layers: to freeze one of them would freeze whatever is in it.

    Args:
        model: Perhaps one around the user's (``model_inputs.wrap_for_matrix``).
        phase: What learns.
        name: Of the space, for messages.

    Raises:
        SpaceError: A name is that of no layer, or nothing would learn.
    """
    built = unwrap(model) if model.name.endswith(OF_MATRIX) else model
    layers = list(_layers(built, ()))
    learns = _chosen(phase, layers, name)
    model.trainable = True
    for (layer, _), is_chosen in zip(layers, learns, strict=True):
        layer.trainable = is_chosen
    if not any(learns) or (model.built and not model.trainable_variables):
        trainable = phase.trainable if not callable(phase.trainable) else "a function"
        raise SpaceError(
            f"Expected phases of {name} in which some layer with weights learns. Received: "
            f"trainable={quoted(trainable)}."
        )


def _chosen(
    phase: Phase, layers: Sequence[tuple[keras.Layer, tuple[str, ...]]], name: str
) -> list[bool]:
    trainable = phase.trainable
    if callable(trainable):
        return [bool(trainable(layer)) for layer, _ in layers]
    if trainable in (ALL, NONE):
        return [trainable == ALL] * len(layers)
    wanted = [trainable] if isinstance(trainable, str) else list(trainable)
    existing = dict.fromkeys(part for _, path in layers for part in path)
    for one in wanted:
        if one not in existing:
            hint = did_you_mean(str(one), existing) or (
                f" There are {shorten(', '.join(existing), 100)}."
            )
            raise SpaceError(
                f"Expected names of layers in phases() of {name}. Received: {quoted(one)}.{hint}"
            )
    return [any(part in wanted for part in path) for _, path in layers]


def _layers(
    model: keras.Model, path: tuple[str, ...]
) -> Iterator[tuple[keras.Layer, tuple[str, ...]]]:
    """The layers of a model and of models in it, with the names that stand for each."""
    import keras

    for layer in model.layers:
        names = (*path, layer.name)
        if isinstance(layer, keras.Model):
            yield from _layers(layer, names)
        else:
            yield layer, names


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
