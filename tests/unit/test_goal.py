"""The objective that a user names: its metric, and which way it is better."""

from __future__ import annotations

import pytest

from tuner.errors import UserError
from tuner.goal import Goal


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
