"""The head that a task asks for."""

from __future__ import annotations

import pytest

from search_spaces import Outputs


@pytest.mark.parametrize(
    ("task", "units", "activation", "loss"),
    [
        ("binary", 1, "sigmoid", "binary_crossentropy"),
        ("classes", 10, "softmax", "sparse_categorical_crossentropy"),
        ("labels", 3, "sigmoid", "binary_crossentropy"),
        ("regression", 2, "linear", "mse"),
    ],
)
def test_a_task_has_its_head_and_loss(task: str, units: int, activation: str, loss: str) -> None:
    """Units, activation and loss by their Keras names."""
    outputs = Outputs.for_task(task, units)  # type: ignore[arg-type]
    assert (outputs.units, outputs.activation, outputs.loss) == (units, activation, loss)


@pytest.mark.parametrize(
    ("task", "units"), [("binary", 2), ("classes", 1), ("labels", 1), ("regression", 0)]
)
def test_a_head_that_cannot_be_is_refused(task: str, units: int) -> None:
    """A number of units that the task cannot have."""
    with pytest.raises(ValueError, match=rf"Expected .* unit.* for {task}. Received: {units}"):
        Outputs.for_task(task, units)  # type: ignore[arg-type]


def test_an_unknown_task_is_refused() -> None:
    """The known ones are listed."""
    with pytest.raises(
        ValueError, match=r"Expected a task among binary, classes, labels, regression"
    ):
        Outputs.for_task("ranking")  # type: ignore[arg-type]
