"""Whether the losses that trials learn by can be computed, and what trials are compared by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces import loss_parameters
from search_spaces.parameters.literals import format_value
from search_spaces.parameters.loss_choice import OF_BATCH, LossChoice
from search_spaces.parameters.parameter import Parameter
from search_spaces.space import SearchSpace
from search_spaces.training_parameters import are_ours
from search_spaces.user_code import source_files
from tuner.datasets import DataSpec
from tuner.errors import UserError
from tuner.metrics import UNWEIGHTED_LOSS
from tuner.studies.study_data import ends
from tuner.study_setup.target_checks import check_loss_fits

if TYPE_CHECKING:
    from tuner.datasets import Data


def check_losses(space: SearchSpace, data: Data, spec: DataSpec) -> None:
    """Refuses losses that cannot be computed, or say nothing of these targets.

    Raises:
        UserError: Which one, and why.
    """
    losses = space.parameters.get(loss_parameters.LOSS)
    if not isinstance(losses, LossChoice):
        return
    for value in losses.values:
        name = format_value(value)
        check_loss_fits(name, data)
        is_of_batch = name in OF_BATCH
        if source_files.file_of(name) is not None:
            from tuner.training import check_loss

            for point in _points_of_loss(space.parameters):
                arguments = loss_parameters.arguments_of(point, name)
                is_of_batch = check_loss(name, data.outputs, arguments)
        if is_of_batch and _is_weighed(data, spec):
            what, whole = ("places", "row or batch") if data.outputs.axes else ("rows", "batch")
            raise UserError(
                f"Expected {what} that all count the same with a loss that is one number for a "
                f"whole {whole}. Received {source_files.brief(name)} with weights of {what} or "
                f"classes: leave them out, or take a loss of {what}."
            )


def _points_of_loss(parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
    """The parameters of the loss at their defaults, and all at each end of their ranges."""
    of_loss = {name: one for name, one in parameters.items() if loss_parameters.is_of_loss(name)}
    points = [{name: one.default for name, one in of_loss.items()}]
    for end in (0, -1):
        point = {name: ends(one)[end] for name, one in of_loss.items()}
        points += [point] if point not in points else []
    return points


def find_shared_metric(space: SearchSpace, data: Data) -> str | None:
    """What all trials can be compared by; None where they all learn by one loss."""
    ranges = space.ranges((), data.inputs, data.outputs)
    if not are_ours(ranges) or space.own_loss or not loss_parameters.are_searched(ranges):
        return None
    return data.outputs.loss if data.outputs.heads is None else UNWEIGHTED_LOSS


def _is_weighed(data: Data, spec: DataSpec) -> bool:
    parts = (data.train, data.validation, data.test)
    return spec.unweighed != spec or any(part.weights is not None for part in parts)


def notes_of_weights(data: Data, shared_metric: str | None) -> tuple[str, ...]:
    """Returns what a user should know of weights that trials are not compared by."""
    if shared_metric is None or data.validation.weights is None:
        return ()
    return (
        f"Several losses are searched, so trials are compared by {shared_metric}, in which all "
        "rows count the same: their weights count in what each trial learns by.",
    )
