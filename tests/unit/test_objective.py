"""The objective that a user names: its metric, and which way it is better."""

from __future__ import annotations

import pytest

from tuner.errors import UserError
from tuner.studies.objective import Objective, make_objectives, name_objectives


@pytest.mark.parametrize(
    ("name", "direction", "objective"),
    [
        ("val_loss", None, Objective()),
        ("loss", None, Objective()),
        ("accuracy", None, Objective(name="val_accuracy", maximize=True)),
        ("val_auc", None, Objective(name="val_auc", maximize=True)),
        ("R2Score", None, Objective(name="val_R2Score", maximize=True)),
        ("mae", None, Objective(name="val_mae")),
        ("root_mean_squared_error", None, Objective(name="val_root_mean_squared_error")),
        ("my_profit", "max", Objective(name="val_my_profit", maximize=True)),
        ("accuracy", "min", Objective(name="val_accuracy")),
        ("rmse", None, Objective(name="val_rmse")),
        ("digit_f1_score", None, Objective(name="val_digit_f1_score", maximize=True)),
        ("FalsePositives", None, Objective(name="val_FalsePositives")),
        ("exact", None, Objective(name="val_exact", maximize=True)),
    ],
)
def test_the_direction_is_known_from_the_name_or_given(name, direction, objective):
    """Losses are minimized, Keras's metrics as they are meant."""
    assert Objective.of(name, direction) == objective


@pytest.mark.parametrize("name", ["my_profit", "accuracy_error"])
def test_a_direction_that_cannot_be_told_is_asked_for(name):
    """A metric of the user's own."""
    with pytest.raises(UserError, match=r"Expected --direction .* Received: none\."):
        Objective.of(name)


def test_people_read_it_in_words():
    """Without underscores and prefixes."""
    assert (Objective().text, Objective().extreme) == ("validation loss", "lowest")
    objective = Objective.of("top_k_categorical_accuracy")
    assert (objective.text, objective.extreme) == (
        "validation top k categorical accuracy",
        "highest",
    )
    assert (objective.metric, Objective().metric) == ("top_k_categorical_accuracy", None)


def test_a_loss_of_scaled_targets_is_called_so():
    """Only the loss itself is named as one of scaled targets, and only where it is."""
    assert Objective(loss_unit="scaled").text == "validation loss of scaled targets"
    assert Objective(loss_unit="targets").text == "validation loss"
    assert Objective(name="val_mae", loss_unit="scaled").text == "validation mae"


def test_several_objectives_take_directions_in_their_order():
    """One is needed only where it cannot be told."""
    assert make_objectives(["loss", "accuracy", "parameters", "latency"]) == (
        Objective(),
        Objective(name="val_accuracy", maximize=True),
        Objective(name="parameters"),
        Objective(name="latency"),
    )
    assert make_objectives(["my_profit", "accuracy"], ["max"]) == (
        Objective(name="val_my_profit", maximize=True),
        Objective(name="val_accuracy", maximize=True),
    )


@pytest.mark.parametrize("name", ["score:max", "score:maximize", "score:min"])
def test_a_direction_behind_a_name_is_refused(name: str):
    """It would be taken for a part of the name, and the score be as low as possible."""
    told = rf"--objective score --direction {name[6:9]}\.$"
    with pytest.raises(UserError, match=told):
        name_objectives([name])


def test_costs_are_no_metrics():
    """Keras does not measure the latency."""
    objective = Objective.of("latency")
    assert (objective.metric, objective.text, objective.extreme) == (
        None,
        "latency in ms",
        "lowest",
    )


@pytest.mark.parametrize(
    ("names", "directions", "message"),
    [
        (["loss", "val_loss"], [], r"Expected each --objective once\. Received: val_loss"),
        (["parameters", "loss"], [], r"Expected the first --objective .* Received: 'parameters'"),
        (["latency"], [], r"Expected the first --objective .* Received: 'latency'"),
        (["loss"], ["min", "max"], r"Expected --direction at most 1 times.* Received: 2 times"),
        (["loss", "my_profit"], ["min"], r"Expected --direction .* Received: none"),
    ],
)
def test_what_cannot_be_the_objectives_of_one_study_is_refused(names, directions, message):
    """The same one twice, a cost as the first, and directions too many or too few."""
    with pytest.raises(UserError, match=message):
        make_objectives(names, directions)
