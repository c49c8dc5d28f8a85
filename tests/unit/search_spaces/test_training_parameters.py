"""The shared parameters: their names are interface, and each exists where Keras takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces import Choice, Inputs, Outputs, SearchSpace, SpaceError
from search_spaces.families.gan import GAN
from search_spaces.families.lvq import LVQ
from search_spaces.families.mlp import MLP
from search_spaces.optimizers import OPTIMIZERS, OURS, OptimizerEntry
from search_spaces.parameters import overrides
from search_spaces.training_parameters import PARAMETERS, SCHEDULES

OPTIONS = {
    "sgd": {"momentum", "nesterov"},
    "rmsprop": {"rho", "momentum"},
    "adagrad": set(),
    "adadelta": {"rho"},
    "adam": {"beta_1", "beta_2", "amsgrad"},
    "adamax": {"beta_1", "beta_2"},
    "nadam": {"beta_1", "beta_2"},
    "adamw": {"beta_1", "beta_2", "amsgrad", "weight_decay"},
}
SCHEDULE_OPTIONS = {
    "constant": set(),
    "inverse_time": {"decay"},
    "exponential": {"decay_rate"},
    "cosine": set(),
    "plateau": {"plateau_factor", "plateau_patience"},
}
ALWAYS = {"optimizer", "learning_rate", "schedule", "batch_size", "epochs"}


def test_the_tables_above_are_complete() -> None:
    """A new optimizer or schedule is tested too."""
    assert set(OURS) == set(OPTIONS)
    assert set(SCHEDULES) == set(SCHEDULE_OPTIONS)


@pytest.mark.parametrize("optimizer", OURS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_an_optimizer_and_a_schedule_have_their_own_options(optimizer: str, schedule: str) -> None:
    """Every combination has these and no others."""
    (defaults, *_) = MLP([f"optimizer={optimizer}", f"schedule={schedule}"]).starting_points()
    expected = ALWAYS | OPTIONS[optimizer] | SCHEDULE_OPTIONS[schedule]
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
    """Rates of zero, decays of one, negative counts."""
    with pytest.raises(ValueError, match=f"^{override}: Expected .*Received"):
        MLP([override])


def test_ranges_may_be_widened_as_far_as_they_mean_something() -> None:
    """Beyond what is declared, within the limits."""
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
    """For another task it is refused with those that fit."""
    classes, regression = Outputs.for_task("classes", 3), Outputs.for_task("regression")
    space = MLP(["loss=categorical_hinge,usual"])
    space.check(Inputs(shape=(4,)), classes)
    with pytest.raises(SpaceError, match=r"a loss for the task regression: mse, .*hinge\.$"):
        space.check(Inputs(shape=(4,)), regression)


@pytest.mark.parametrize("typed", ["loss=mes", "loss=net.txt:dice", "clip_at=3", "warmup=-1"])
def test_what_cannot_be_is_refused(typed: str) -> None:
    """Losses that do not exist, clipping and warm-up that mean nothing."""
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


class Outside:
    """An entry point of a package that brings Lion."""

    name, group, value, dist = "lion", "tuner.optimizers", "tuner_example:ENTRY", None


@pytest.fixture
def lion(monkeypatch: pytest.MonkeyPatch) -> OptimizerEntry:
    """An optimizer that an installed package registers."""
    entry = OptimizerEntry(options=("beta_1", "beta_2"), implementation="tuner_example:LION")
    monkeypatch.setattr(OPTIMIZERS, "_plugins", {"lion": Outside})
    monkeypatch.setitem(OPTIMIZERS._loaded, "lion", entry)
    return entry


@pytest.mark.parametrize("family", [MLP, GAN, LVQ])
def test_a_packages_optimizer_has_its_options(
    lion: OptimizerEntry, family: type[SearchSpace]
) -> None:
    """Those that it names exist beside it, and no others."""
    (defaults, *_) = family(["optimizer=lion"]).starting_points()
    every = {option for options in OPTIONS.values() for option in options}
    assert set(defaults) & every == set(lion.options)
    assert set(MLP(["optimizer=lion", "beta_1=0.8"]).starting_points()[0]) >= {"beta_1"}


def test_a_compiled_space_may_call_its_own_optimizers_so(lion: OptimizerEntry) -> None:
    """It has none of the options of training, whatever a package calls one of its optimizers."""

    class Compiled(MLP):
        compiles = True
        optimizer = Choice(["adam", "lion"])

    assert not {"beta_1", "beta_2"} & set(Compiled().parameters)


def test_a_packages_optimizer_changes_no_space_that_does_not_offer_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Machines with and without the package work on one study."""
    texts = ["optimizer=adam,sgd"]
    without = MLP(texts).fingerprint()
    monkeypatch.setattr(OPTIMIZERS, "_plugins", {"lion": Outside})
    assert MLP(texts).fingerprint() == without


def test_an_option_that_nobody_knows_is_refused(
    lion: OptimizerEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the package that names it."""
    entry = OptimizerEntry(options=("beta_3",), implementation="tuner_example:LION")
    monkeypatch.setitem(OPTIMIZERS._loaded, "lion", entry)
    with pytest.raises(SpaceError, match=r"'lion' of tuner_example.*Received: 'beta_3'"):
        MLP(["optimizer=lion"])
