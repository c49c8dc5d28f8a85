"""The objective that a user names: its metric, and which way it is better."""

from __future__ import annotations

import pytest

from tuner.errors import UserError
from tuner.goal import Goal, goals


@pytest.mark.parametrize(
    ("name", "direction", "goal"),
    [
        ("val_loss", None, Goal()),
        ("loss", None, Goal()),
        ("accuracy", None, Goal(name="val_accuracy", maximize=True)),
        ("val_auc", None, Goal(name="val_auc", maximize=True)),
        ("R2Score", None, Goal(name="val_R2Score", maximize=True)),
        ("mae", None, Goal(name="val_mae")),
        ("root_mean_squared_error", None, Goal(name="val_root_mean_squared_error")),
        ("my_profit", "max", Goal(name="val_my_profit", maximize=True)),
        ("accuracy", "min", Goal(name="val_accuracy")),
    ],
)
def test_the_direction_is_known_from_the_name_or_given(name, direction, goal):
    assert Goal.of(name, direction) == goal


@pytest.mark.parametrize("name", ["my_profit", "accuracy_error"])
def test_a_direction_that_cannot_be_told_is_asked_for(name):
    with pytest.raises(UserError, match=r"Expected --direction .* Received: none\."):
        Goal.of(name)


def test_people_read_it_in_words():
    assert (Goal().text, Goal().extreme) == ("validation loss", "lowest")
    goal = Goal.of("top_k_categorical_accuracy")
    assert (goal.text, goal.extreme) == ("validation top k categorical accuracy", "highest")
    assert (goal.metric, Goal().metric) == ("top_k_categorical_accuracy", None)


def test_several_objectives_take_directions_in_their_order():
    assert goals(["loss", "accuracy", "parameters", "latency"]) == (
        Goal(),
        Goal(name="val_accuracy", maximize=True),
        Goal(name="parameters"),
        Goal(name="latency"),
    )
    assert goals(["my_profit", "accuracy"], ["max"]) == (
        Goal(name="val_my_profit", maximize=True),
        Goal(name="val_accuracy", maximize=True),
    )


def test_costs_are_no_metrics():
    goal = Goal.of("latency")
    assert (goal.metric, goal.text, goal.extreme) == (None, "latency in ms", "lowest")


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
    with pytest.raises(UserError, match=message):
        goals(names, directions)
