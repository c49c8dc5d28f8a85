"""Deep belief networks: layers learn one by one, then all of them; what they reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.learning import check_resume, load, train

pytestmark = pytest.mark.keras

BRIEF = {"units": 32, "batch_size": 64, "optimizer": "adam", "learning_rate": 5e-3}


def back(model: Any, i: int, x: Any, *, binary: bool) -> Any:
    """The mean of what layer ``i`` is given, given its probabilities; and what it is given."""
    for number in range(i):
        x = model.get_layer(f"hidden_{number}")(x)
    layer = model.get_layer(f"hidden_{i}")
    inputs = np.asarray(layer(x)) @ layer.kernel.numpy().T + model.backwards[i].numpy()
    return (1 / (1 + np.exp(-inputs)) if binary else inputs), np.asarray(x)


def test_each_layer_learns_its_rows_before_targets() -> None:
    """After pretraining both give back what they were given, better than the mean does.

    The epochs end with it: from targets the head alone has learned. A first layer that learned
    targets alone does not give rows back.
    """
    _, data = load("dbn", "digits")
    errors = []
    for pretraining in (6, 0):
        fixed = {**BRIEF, "layers": 2, "pretraining": pretraining, "epochs": 12}
        model = train("dbn", data, **fixed).model
        for i in (0, 1):
            mean, given = back(model, i, data.validation.x, binary=i > 0)
            errors.append(np.square(mean - given).mean() / given.var(axis=0).mean())
    assert errors[0] < 0.7
    assert errors[1] < 0.9
    assert errors[2] > 1


def test_targets_begin_with_a_new_optimizer() -> None:
    """What it keeps of divergences would make its steps too short: none of it is left."""
    fixed = {**BRIEF, "layers": 1, "pretraining": 1, "batch_size": 2000}
    first, second = (train("dbn", "digits", epochs=epochs, **fixed).model for epochs in (1, 2))
    assert int(first.optimizer.iterations) == 1
    assert int(second.optimizer.iterations) == 1


def test_digits_are_told_apart() -> None:
    """The validation loss falls all along: the head learns beside the layers."""
    done = train("dbn", "digits", epochs=20, optimizer="adam", pretraining=3)
    losses = [epoch["val_loss"] for epoch in done.epochs]
    assert losses[0] < np.log(10)
    assert losses[0] > losses[5] > losses[-1]
    assert done.epochs[-1]["val_accuracy"] > 0.95


def test_rows_that_are_no_probabilities_are_refused() -> None:
    """Before binary units are trained on them."""
    with pytest.raises(Exception, match=r"Expected rows in \[0, 1\] for binary visible units"):
        train("dbn", "digits", visible="binary", epochs=1)


def test_going_on_in_any_phase() -> None:
    """Comes out as without a break, in both pretrainings and after them."""
    fixed = {**BRIEF, "pretraining": 2, "dropout": 0.2, "layers": 2, "epochs": 7}
    check_resume("dbn", "wine", after=(1, 3, 5), **fixed)
