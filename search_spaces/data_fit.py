"""Whether the models of a space accept rows and tasks, as far as its declaration says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from search_spaces import loss_parameters
from search_spaces.errors import SpaceError
from search_spaces.model_inputs import format_shapes
from search_spaces.model_outputs import format_outputs
from search_spaces.parameters.loss_choice import LossChoice
from search_spaces.shapes import Inputs, Outputs, shown_task

if TYPE_CHECKING:
    from search_spaces.space import SearchSpace


def check_fit(space: SearchSpace, inputs: Inputs, outputs: Outputs | None) -> None:
    """Refuses data that models of a space do not accept: see ``SearchSpace.check``."""
    if inputs.shapes is not None and space.source is None:
        raise SpaceError(
            f"Expected rows of one array for {space.name}. Received: the inputs "
            f"{format_shapes(inputs.shapes)}: write a space of your own, whose models have "
            "inputs of these names."
        )
    if outputs is not None and outputs.heads is not None:
        _check_heads(space, outputs)
    if space.tasks and outputs is not None and outputs.task not in space.tasks:
        raise SpaceError(
            f"Expected the task {' or '.join(map(shown_task, space.tasks))} for {space.name}. "
            f"Received: {shown_task(outputs.task)}: take {space.alternative}."
        )
    if outputs is not None and space.source is None:
        _check_axes(space, inputs, outputs)
    if inputs.vocabulary is not None and not space.takes_words:
        raise SpaceError(
            f"Expected rows of numbers that measure something for {space.name}. "
            f"Received: the numbers of {inputs.vocabulary} words: take rnn, or say "
            "takes_words = True in a space of your own."
        )
    loss = space.parameters.get("loss")
    if isinstance(loss, LossChoice) and outputs is not None:
        loss.check(outputs.task)
        loss_parameters.check_task(space.parameters, outputs)
    if space.input_axes and len(inputs.shape) not in map(len, space.input_axes):
        expected = " or ".join(
            f"({', '.join(axes)}{',' * (len(axes) == 1)})" for axes in space.input_axes
        )
        raise SpaceError(
            f"Expected rows of shape {expected} for {space.name}. "
            f"Received: {inputs.shape}: take {space.alternative}."
        )


def _check_heads(space: SearchSpace, outputs: Outputs) -> None:
    if space.source is None:
        raise SpaceError(
            f"Expected targets of one array for {space.name}. Received: the outputs "
            f"{format_outputs(outputs)}: write a space of your own, whose "
            "models have outputs of these names."
        )


def _check_axes(space: SearchSpace, inputs: Inputs, outputs: Outputs) -> None:
    """Refuses a target for each place where a family's models have one answer, or others."""
    if len(outputs.axes) not in map(len, space.output_axes):
        places = {1: "step: take rnn, or seq2seq", 2: "pixel: take unet"}
        if outputs.axes:
            received = f"one for each {places.get(len(outputs.axes), 'place: take a space')}"
        else:
            received = f"one: take {space.alternative}"
        raise SpaceError(
            f"Expected {_shown(space.output_axes)} for {space.name}. Received: {received} or a "
            "space of your own."
        )
    if space.same_axes and outputs.axes and inputs.shape[: len(outputs.axes)] != outputs.axes:
        sides = "x".join(map(str, outputs.axes))
        raise SpaceError(
            f"Expected targets of the size of the rows for {space.name}, whose shape is "
            f"{inputs.shape}. Received: {sides}: take {space.other_size} or a space of your own."
        )


def _shown(output_axes: Sequence[Sequence[str]]) -> str:
    each = [f"one for each place of ({', '.join(axes)})" for axes in output_axes if axes]
    return " or ".join([*(["one target a row"] if () in output_axes else []), *each])
