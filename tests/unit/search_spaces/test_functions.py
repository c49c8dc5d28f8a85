"""Define-by-run: a user's function suggests, we narrow, record and add what trains."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from search_spaces import Inputs, Outputs, SpaceError
from search_spaces.functions import FunctionSpace

INPUTS = Inputs(shape=(4,))
OUTPUTS = Outputs.for_task("classes", 3)

TRAINING = {
    "optimizer": "sgd",
    "momentum": 0.5,
    "nesterov": True,
    "learning_rate": 0.01,
    "schedule": "constant",
    "batch_size": 1,  # the index of 32
    "epochs": 10,
}


@pytest.fixture
def build(fake_keras: Any) -> Any:
    """A function with two layers and a batch size of its own."""

    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        model = fake_keras()
        layers = trial.suggest_int("layers", 1, 3)
        model.units = [trial.suggest_int(f"units_{i}", 8, 64) for i in range(layers)]
        model.rate = trial.suggest_float("rate", 0.0, 0.5, step=0.1)
        model.gate = trial.suggest_categorical("gate", ["soft", "hard"])
        model.number = trial.number
        return model

    return build


def test_what_the_function_suggests_is_recorded_with_what_trains(build: Any) -> None:
    own = {"layers": 2, "units_0": 8, "units_1": 64, "rate": 0.3, "gate": "hard"}
    trial = optuna.trial.FixedTrial({**own, **TRAINING}, number=7)
    hyperparameters, model = FunctionSpace(build, "net").realise(trial, INPUTS, OUTPUTS)
    assert hyperparameters == {**own, **TRAINING, "batch_size": 32}
    assert model.units == [8, 64]
    assert model.number == 7  # whatever is no suggestion is the trial's own


def test_a_training_parameter_of_the_functions_own_is_not_suggested_again(fake_keras: Any) -> None:
    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        trial.suggest_int("batch_size", 3, 5)
        trial.suggest_categorical("optimizer", ["adagrad"])
        return fake_keras()

    trial = optuna.trial.FixedTrial({**TRAINING, "batch_size": 4})
    hyperparameters, _ = FunctionSpace(build, "net").realise(trial, INPUTS, OUTPUTS)
    assert hyperparameters["batch_size"] == 4
    assert hyperparameters["optimizer"] == "adagrad"
    assert "momentum" not in hyperparameters  # the condition sees the function's choice


def test_overrides_narrow_what_the_function_suggests(build: Any) -> None:
    overrides = ["layers=2", "units=16,32", "units_1=9..10", "gate=hard", "epochs=7"]
    space = FunctionSpace(build, "net", overrides)
    trial = optuna.trial.FixedTrial({**TRAINING, "units_0": 32, "units_1": 9, "rate": 0.0})
    hyperparameters, model = space.realise(trial, INPUTS, OUTPUTS)
    assert model.units == [32, 9]
    assert (hyperparameters["gate"], hyperparameters["epochs"]) == ("hard", 7)
    assert trial.distributions["units_0"].choices == (16, 32)  # type: ignore[attr-defined]
    assert "layers" not in trial.distributions


def test_a_trial_is_built_again_from_its_hyperparameters(build: Any) -> None:
    space = FunctionSpace(build, "net", ["units=16,32"])
    own = {"layers": 1, "units_0": 16, "rate": 0.3, "gate": "soft"}
    model: Any = space.build({**own, "epochs": 5}, INPUTS, OUTPUTS)
    assert (model.units, model.rate) == ([16], 0.3)


def test_encode_leaves_the_functions_own_values_alone(build: Any) -> None:
    encoded = FunctionSpace(build, "net").encode({"units_0": 16, "batch_size": 64})
    assert encoded == {"units_0": 16, "batch_size": 2}


def test_a_rehearsal_accepts_every_override_that_fits(build: Any) -> None:
    overrides = ["units=16", "units_2=16", "rate=0.1", "momentum=0.5"]
    FunctionSpace(build, "net", overrides).rehearse(INPUTS, OUTPUTS)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("unitz=16", r"unitz=16: Expected a parameter that net\(\) suggests.*Did you mean units"),
        ("units=128", r"units_0=128: Expected a whole number at least 8 and at most 64"),
        ("gate=sort", r"gate=sort: Expected one of soft, hard.*Did you mean soft"),
    ],
)
def test_a_rehearsal_refuses_overrides_that_fit_nothing(
    build: Any, override: str, message: str
) -> None:
    space = FunctionSpace(build, "net", [override])
    with pytest.raises(SpaceError, match=message):
        space.rehearse(INPUTS, OUTPUTS)


def test_an_override_of_training_is_checked_at_once(build: Any) -> None:
    with pytest.raises(SpaceError, match=r"batch_size=0: Expected whole numbers at least 1"):
        FunctionSpace(build, "net", ["batch_size=0"])


def test_a_function_that_raises_is_shown_with_its_line(fake_keras: Any) -> None:
    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        raise KeyError("weights")

    message = r"build\(\) of net raised KeyError: 'weights' \(.*test_functions.py:\d+\)$"
    with pytest.raises(SpaceError, match=message):
        FunctionSpace(build, "net").rehearse(INPUTS, OUTPUTS)


def test_a_function_that_returns_no_model_is_refused(fake_keras: Any) -> None:
    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        return [1, 2]

    space = FunctionSpace(build, "net")
    message = r"Expected build\(\) of net to return a keras.Model. Received: \[1, 2\]"
    with pytest.raises(SpaceError, match=message):
        space.realise(optuna.trial.FixedTrial(TRAINING), INPUTS, OUTPUTS)
    with pytest.raises(SpaceError, match=message):
        space.rehearse(INPUTS, OUTPUTS)


def test_a_function_must_take_trial_inputs_and_outputs() -> None:
    def build(trial: Any) -> None:
        raise AssertionError("never called")

    with pytest.raises(SpaceError, match=r"Expected a function net\(trial, inputs, outputs\)"):
        FunctionSpace(build, "net")


def test_overrides_of_the_functions_own_move_the_fingerprint(build: Any) -> None:
    texts = [[], ["units=16"], ["units=32"], ["epochs=7"]]
    assert len({FunctionSpace(build, "net", overrides).fingerprint() for overrides in texts}) == 4


def test_no_starting_point_is_known(build: Any) -> None:
    assert FunctionSpace(build, "net").starting_points() == []
