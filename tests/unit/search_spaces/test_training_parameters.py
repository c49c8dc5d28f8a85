"""The shared parameters: their names are interface, and each exists where Keras takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces import Inputs, Outputs, SpaceError, overrides
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


def test_what_is_off_is_in_no_trial_until_it_is_asked_for() -> None:
    """Trials list what was chosen; what Keras does anyway is no choice."""
    off = {"loss", "clipping", "clip_at", "warmup", "initializer", "input_dropout"}
    (defaults, *_) = MLP().starting_points()
    assert not off & set(defaults)
    asked = MLP(["loss=mae", "clipping=none,norm", "warmup=0..3", "initializer=he_normal"])
    (defaults, *_) = asked.starting_points()
    assert {name: defaults[name] for name in off & set(defaults)} == {
        "loss": "mae",
        "clipping": "none",
        "warmup": 0,
        "initializer": "he_normal",
    }


def test_a_loss_fits_the_task() -> None:
    classes, regression = Outputs.for_task("classes", 3), Outputs.for_task("regression")
    space = MLP(["loss=categorical_hinge,usual"])
    space.check(Inputs(shape=(4,)), classes)
    with pytest.raises(SpaceError, match=r"a loss for the task regression: mse, .*hinge\.$"):
        space.check(Inputs(shape=(4,)), regression)


@pytest.mark.parametrize("typed", ["loss=mes", "loss=net.txt:dice", "clip_at=3", "warmup=-1"])
def test_what_cannot_be_is_refused(typed: str) -> None:
    with pytest.raises(SpaceError, match=r"Expected .*Received: "):
        MLP([typed])


def test_a_loss_in_a_file_goes_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it is found from any folder; what the file says is part of the space."""
    file = tmp_path / "own.py"
    file.write_text("def dice(y_true, y_pred): ...\n")
    monkeypatch.chdir(tmp_path)
    typed = overrides.absolute("loss=usual,own.py:dice")
    assert typed == f"loss=usual,{file}:dice"
    assert overrides.absolute("units=1..3") == "units=1..3"
    before = MLP([typed]).fingerprint()
    assert MLP(["loss=usual,own.py:dice"]).fingerprint() == before
    file.write_text("def dice(y_true, y_pred): return 0\n")
    assert MLP([typed]).fingerprint() != before
