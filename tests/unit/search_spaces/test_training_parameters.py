"""The shared parameters: their names are interface, and each exists where Keras takes it."""

from __future__ import annotations

import pytest

from search_spaces.mlp import MLP
from search_spaces.training import OPTIMIZERS, PARAMETERS, SCHEDULES

KNOBS = {
    "sgd": {"momentum", "nesterov"},
    "rmsprop": {"rho", "momentum"},
    "adagrad": set(),
    "adadelta": {"rho"},
    "adam": {"beta_1", "beta_2", "amsgrad"},
    "adamax": {"beta_1", "beta_2"},
    "nadam": {"beta_1", "beta_2"},
    "adamw": {"beta_1", "beta_2", "amsgrad", "weight_decay"},
}
SCHEDULE_KNOBS = {
    "constant": set(),
    "inverse_time": {"decay"},
    "exponential": {"decay_rate"},
    "cosine": set(),
    "plateau": {"plateau_factor", "plateau_patience"},
}
ALWAYS = {"optimizer", "learning_rate", "schedule", "batch_size", "epochs"}


def test_the_tables_above_are_complete() -> None:
    assert set(OPTIMIZERS) == set(KNOBS)
    assert set(SCHEDULES) == set(SCHEDULE_KNOBS)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_an_optimizer_and_a_schedule_have_their_own_knobs(optimizer: str, schedule: str) -> None:
    (defaults, *_) = MLP([f"optimizer={optimizer}", f"schedule={schedule}"]).starting_points()
    expected = ALWAYS | KNOBS[optimizer] | SCHEDULE_KNOBS[schedule]
    assert set(defaults) & set(PARAMETERS) == expected


@pytest.mark.parametrize(
    "override",
    [
        "learning_rate=0",
        "momentum=1",
        "rho=1",
        "beta_1=1",
        "decay=-1",
        "decay_rate=0",
        "plateau_factor=1",
        "plateau_patience=0",
        "batch_size=0",
        "epochs=0",
        "penalty=-0.1",
        "dropout=1",
        "layers=0",
        "units=0",
        "optimizer=lion",
        "schedule=linear",
        "normalization=batch",
    ],
)
def test_values_without_a_meaning_are_refused(override: str) -> None:
    with pytest.raises(ValueError, match=f"^{override}: Expected .*Received"):
        MLP([override])


def test_ranges_may_be_widened_as_far_as_they_mean_something() -> None:
    overrides = ["learning_rate=1e-7..10", "units=1..4096", "batch_size=1", "epochs=500"]
    assert MLP(overrides).parameters["units_0"].text == "1..4096:log"
