"""Define-by-run: a user's function suggests, we narrow, record and add what trains."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import optuna
import pytest

from search_spaces import Inputs, Outputs, SpaceError
from search_spaces.define_by_run import FunctionSpace
from search_spaces.user_code.isolation import UserCodeError

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
    """Its own parameters first, those of training after them."""
    own = {"layers": 2, "units_0": 8, "units_1": 64, "rate": 0.3, "gate": "hard"}
    trial = optuna.trial.FixedTrial({**own, **TRAINING}, number=7)
    hyperparameters, model = FunctionSpace(build, "net").sample_and_build(trial, INPUTS, OUTPUTS)
    assert hyperparameters == {**own, **TRAINING, "batch_size": 32}
    assert model.units == [8, 64]
    assert model.number == 7  # whatever is no suggestion is the trial's own


def test_a_training_parameter_of_the_functions_own_is_not_suggested_again(fake_keras: Any) -> None:
    """What the function chose is trained with."""

    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        trial.suggest_int("batch_size", 3, 5)
        trial.suggest_categorical("optimizer", ["adagrad"])
        return fake_keras()

    trial = optuna.trial.FixedTrial({**TRAINING, "batch_size": 4})
    hyperparameters, _ = FunctionSpace(build, "net").sample_and_build(trial, INPUTS, OUTPUTS)
    assert hyperparameters["batch_size"] == 4
    assert hyperparameters["optimizer"] == "adagrad"
    assert "momentum" not in hyperparameters  # the condition sees the function's choice


def test_overrides_narrow_what_the_function_suggests(build: Any) -> None:
    """A general name, one of a layer, a category and one of training."""
    overrides = ["layers=2", "units=16,32", "units_1=9..10", "gate=hard", "epochs=7"]
    space = FunctionSpace(build, "net", overrides)
    trial = optuna.trial.FixedTrial({**TRAINING, "units_0": 32, "units_1": 9, "rate": 0.0})
    hyperparameters, model = space.sample_and_build(trial, INPUTS, OUTPUTS)
    assert model.units == [32, 9]
    assert (hyperparameters["gate"], hyperparameters["epochs"]) == ("hard", 7)
    assert trial.distributions["units_0"].choices == (16, 32)  # type: ignore[attr-defined]
    assert "layers" not in trial.distributions


def test_a_trial_is_built_again_from_its_hyperparameters(build: Any) -> None:
    """Without asking a sampler."""
    space = FunctionSpace(build, "net", ["units=16,32"])
    own = {"layers": 1, "units_0": 16, "rate": 0.3, "gate": "soft"}
    model: Any = space.build({**own, "epochs": 5}, INPUTS, OUTPUTS)
    assert (model.units, model.rate) == ([16], 0.3)


TUPLES: list[Any] = [(8,), (8, 4), [2, (1, None)], "8", 8.5, np.int64(3), None, True]


def test_a_trial_that_is_built_again_has_its_number(fake_keras: Any) -> None:
    """What depends on it comes out the same in a later attempt, a rerun and a refit."""
    seen = []

    def numbered(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        seen.append(trial.number)
        return fake_keras()

    space = FunctionSpace(numbered, "net")
    space.construct({}, INPUTS, OUTPUTS, number=7)
    space.build({}, INPUTS, OUTPUTS)
    assert seen == [7, 0]


def categorical(fake_keras: Any) -> Any:
    """A function that asks for one of them, and hands on what it is given."""

    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        model = fake_keras()
        model.layers = trial.suggest_categorical("layers", TUPLES)
        return model

    return build


@pytest.mark.parametrize("index", range(len(TUPLES)))
def test_categories_may_be_tuples(fake_keras: Any, index: int) -> None:
    """The function is given its own object; the store holds what JSON and Optuna can."""
    space = FunctionSpace(categorical(fake_keras), "net")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    wanted = TUPLES[index]
    study.enqueue_trial({**TRAINING, **space.encode({"layers": wanted})})
    chosen, model = space.sample_and_build(study.ask(), INPUTS, OUTPUTS)
    assert model.layers is wanted
    kept = json.loads(json.dumps(chosen))  # as the store gives it back
    again: Any = space.build(kept, INPUTS, OUTPUTS)
    assert again.layers is wanted
    distribution = study.trials[0].distributions["layers"]
    read = optuna.distributions.json_to_distribution(
        optuna.distributions.distribution_to_json(distribution)
    )
    assert read == distribution  # a sampler that learns compares the two
    assert space.encode({"layers": kept["layers"]})["layers"] in distribution.choices


def test_categories_may_be_an_array(fake_keras: Any) -> None:
    """Of NumPy's numbers the store holds Python's."""

    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        assert trial.suggest_categorical("units", np.array([4, 8])) == 8
        return fake_keras()

    trial = optuna.trial.FixedTrial({**TRAINING, "units": 8})
    chosen, _ = FunctionSpace(build, "net").sample_and_build(trial, INPUTS, OUTPUTS)
    assert json.loads(json.dumps(chosen))["units"] == 8


def test_categories_that_nobody_could_read_again_are_refused(fake_keras: Any) -> None:
    """In one line, before the first trial."""

    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        return trial.suggest_categorical("activation", [max, min])

    with pytest.raises(SpaceError, match=r"Received: <built-in function max>: name each by a text"):
        FunctionSpace(build, "net").build_default(INPUTS, OUTPUTS)


def test_a_function_cannot_end_the_process(fake_keras: Any) -> None:
    """`sys.exit` in `build()` is an error with its line, never the end of the process."""

    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        sys.exit(0)

    space = FunctionSpace(build, "net")
    told = r"build\(\) of net raised SystemExit: 0 \(.*test_define_by_run.py:\d+\)$"
    with pytest.raises(UserCodeError, match=told):
        space.sample_and_build(optuna.trial.FixedTrial(TRAINING), INPUTS, OUTPUTS)
    with pytest.raises(UserCodeError, match=told):
        space.construct(TRAINING, INPUTS, OUTPUTS)
    with pytest.raises(SpaceError, match=told):
        space.build_default(INPUTS, OUTPUTS)


def test_encode_leaves_the_functions_own_values_alone(build: Any) -> None:
    """Only those of training are stored by their index."""
    encoded = FunctionSpace(build, "net").encode({"units_0": 16, "batch_size": 64})
    assert encoded == {"units_0": 16, "batch_size": 2}


def test_the_default_model_accepts_every_override_that_fits(build: Any) -> None:
    """Also of parameters that the first model does not have."""
    overrides = ["units=16", "units_2=16", "rate=0.1", "momentum=0.5"]
    FunctionSpace(build, "net", overrides).build_default(INPUTS, OUTPUTS)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("unitz=16", r"unitz=16: Expected a parameter that net\(\) suggests.*Did you mean units"),
        ("units=128", r"units_0=128: Expected a whole number at least 8 and at most 64"),
        ("gate=sort", r"gate=sort: Expected one of soft, hard.*Did you mean soft"),
    ],
)
def test_the_default_model_refuses_overrides_that_fit_nothing(
    build: Any, override: str, message: str
) -> None:
    """Mistyped names, and values outside of what is suggested."""
    space = FunctionSpace(build, "net", [override])
    with pytest.raises(SpaceError, match=message):
        space.build_default(INPUTS, OUTPUTS)


def test_an_override_of_training_is_checked(build: Any) -> None:
    """Where the function does not suggest a parameter of that name itself."""
    space = FunctionSpace(build, "net", ["batch_size=0"])
    with pytest.raises(SpaceError, match=r"batch_size=0: Expected whole numbers at least 1"):
        space.build_default(INPUTS, OUTPUTS)


def test_a_function_that_raises_is_shown_with_its_line(fake_keras: Any) -> None:
    """The error of the user's code, with file and line."""

    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        raise KeyError("weights")

    message = r"build\(\) of net raised KeyError: 'weights' \(.*test_define_by_run.py:\d+\)$"
    with pytest.raises(SpaceError, match=message):
        FunctionSpace(build, "net").build_default(INPUTS, OUTPUTS)


def test_a_function_that_returns_no_model_is_refused(fake_keras: Any) -> None:
    """In a trial and where the default model is built; what it returned is shown."""

    def build(trial: Any, inputs: Inputs, outputs: Outputs) -> Any:
        return [1, 2]

    space = FunctionSpace(build, "net")
    message = r"Expected build\(\) of net to return a keras.Model. Received: \[1, 2\]"
    with pytest.raises(SpaceError, match=message):
        space.sample_and_build(optuna.trial.FixedTrial(TRAINING), INPUTS, OUTPUTS)
    with pytest.raises(SpaceError, match=message):
        space.build_default(INPUTS, OUTPUTS)


def test_a_function_must_take_trial_inputs_and_outputs() -> None:
    """Another one is refused without being called."""

    def build(trial: Any) -> None:
        raise AssertionError("never called")

    with pytest.raises(SpaceError, match=r"Expected a function net\(trial, inputs, outputs\)"):
        FunctionSpace(build, "net")


def test_overrides_of_the_functions_own_move_the_fingerprint(build: Any) -> None:
    """As those of training do."""
    texts = [[], ["units=16"], ["units=32"], ["epochs=7"]]
    assert len({FunctionSpace(build, "net", overrides).fingerprint() for overrides in texts}) == 4


def test_no_starting_point_is_known(build: Any) -> None:
    """What the function will suggest is known only when it runs."""
    assert FunctionSpace(build, "net").starting_points() == []
