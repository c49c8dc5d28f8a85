"""Spaces that are made of KerasTuner's ``build(hp)`` and ``HyperModel``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import optuna
import pytest

from search_spaces import Inputs, Outputs, SpaceError, catalog
from search_spaces.keras_tuner import stand_in
from search_spaces.keras_tuner.hypermodel_space import HyperModelSpace, is_hypermodel
from search_spaces.keras_tuner.hypermodel_with_fit import HyperModelWithFit

INPUTS = Inputs(shape=(4,))
OUTPUTS = Outputs.for_task("classes", 3)


def test_only_what_holds_is_searched(fake_keras: Any) -> None:
    """A trial has no parameter for what its conditions switch off; names carry their scopes."""

    def build(hp: Any) -> Any:
        model = fake_keras()
        with hp.name_scope("body"):
            model.gate = hp.Boolean("gate")
            model.rate = hp.Float("rate", 0.1, 0.4, parent_name="gate", parent_values=True)
        return model

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    space = HyperModelSpace(build, "net")
    asked = {}
    for gate in (True, False):
        study.enqueue_trial({"body/gate": gate})
        trial = study.ask()
        hyperparameters, model = space.sample_and_build(trial, INPUTS, OUTPUTS)
        asked[gate] = {name for name in trial.params if name.startswith("body")}
        again: Any = space.construct(hyperparameters, INPUTS, OUTPUTS)
        assert (again.gate, again.rate) == (model.gate, model.rate)  # type: ignore[attr-defined]
    assert asked == {True: {"body/gate", "body/rate"}, False: {"body/gate"}}


def test_an_override_narrows_what_hp_offers(fake_keras: Any) -> None:
    """``--set`` knows these parameters as it knows all others."""

    def build(hp: Any) -> Any:
        model = fake_keras()
        model.units = [hp.Int(f"units_{i}", 16, 128, step=16) for i in range(2)]
        return model

    space = HyperModelSpace(build, "net", ["units=32", "units_1=48..64:16"])
    space.build_default(INPUTS, OUTPUTS)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1)).ask()
    _, model = space.sample_and_build(trial, INPUTS, OUTPUTS)
    assert model.units[0] == 32  # type: ignore[attr-defined]
    assert model.units[1] in (48, 64)  # type: ignore[attr-defined]


def test_a_model_that_comes_compiled_leaves_little_to_search(fake_keras: Any) -> None:
    """Its optimizer and its loss are its own; epochs and batch size are ours."""

    def build(hp: Any) -> Any:
        model = fake_keras()
        model.compiled = True
        hp.Choice("learning_rate", [1e-2, 1e-3])
        return model

    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1)).ask()
    hyperparameters, _ = HyperModelSpace(build, "net").sample_and_build(trial, INPUTS, OUTPUTS)
    assert set(hyperparameters) == {"learning_rate", "batch_size", "epochs"}
    with pytest.raises(SpaceError, match="Expected no value for optimizer: net"):
        HyperModelSpace(build, "net", ["optimizer=sgd"]).build_default(INPUTS, OUTPUTS)
    HyperModelSpace(build, "net", ["learning_rate=0.01"]).build_default(INPUTS, OUTPUTS)


def test_a_hyperparameter_may_be_called_as_one_of_ours(fake_keras: Any) -> None:
    """``--set`` is then about its own values; where it does not ask for it, about ours."""

    def build(hp: Any) -> Any:
        model = fake_keras()
        model.loss = hp.Choice("loss", ["mse", "custom"])
        return model

    space = HyperModelSpace(build, "net", ["loss=custom"])
    space.build_default(INPUTS, OUTPUTS)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1)).ask()
    assert space.sample_and_build(trial, INPUTS, OUTPUTS)[1].loss == "custom"  # type: ignore[attr-defined]
    with pytest.raises(SpaceError, match="batch_size=none"):
        HyperModelSpace(build, "net", ["batch_size=none"]).build_default(INPUTS, OUTPUTS)


FILE = """
import keras_tuner as kt
from kerastuner import HyperModel as Old

class Net(kt.HyperModel):
    def build(self, hp):
        hp.Int("units", 8, 16)

class Older(Old):
    def build(self, hp):
        hp.Int("units", 8, 16)

class Wide(Net):
    def __init__(self, classes):
        super().__init__(tunable=False)
        self.classes = classes

class Trains(Net):
    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs)

wide = Wide(10)
trains = Trains()
nothing = 3

def build_model(hp):
    hp.Int("units", 8, 16)

if __name__ == "__main__":
    kt.RandomSearch(build_model, objective="val_loss").search()
"""


@pytest.fixture
def no_keras_tuner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where KerasTuner is not installed."""
    monkeypatch.setattr(stand_in, "_installed", lambda name: False)
    for name in [n for n in sys.modules if n.partition(".")[0] in stand_in.NAMES]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("name", ["Net", "Older", "wide", "build_model"])
def test_a_file_needs_no_keras_tuner(name: str, tmp_path: Path, no_keras_tuner: None) -> None:
    """A class, one of an old version, an instance and a function are spaces."""
    file = tmp_path / "theirs.py"
    file.write_text(FILE)
    space = catalog.load(f"{file}:{name}")
    assert isinstance(space, HyperModelSpace)
    assert space.name == f"theirs-{name}"
    assert space.source is not None
    assert not set(stand_in.NAMES) & sys.modules.keys()


@pytest.mark.parametrize("name", ["Trains", "trains"])
def test_a_class_with_a_fit_of_its_own_trains_by_itself(
    name: str, tmp_path: Path, no_keras_tuner: None
) -> None:
    """What it is given beside the data comes from --argument, as from ``tuner.search()``."""
    file = tmp_path / "theirs.py"
    file.write_text(FILE)
    space = catalog.load(f"{file}:{name}", (), ["epochs=3"])
    assert isinstance(space, HyperModelWithFit)
    assert space.fit_arguments == {"epochs": 3}
    assert (space.takes_data, space.needs_data) == (True, False)


STRICT = """
class Net:
    def __init__(self, classes, wide=False):
        self.classes, self.wide = classes, wide
    def build(self, hp): ...
    def fit(self, hp, model, x, y, validation_data, callbacks, epochs):
        return x, y, validation_data, callbacks, epochs, self.classes, self.wide
class Plain:
    def build(self, hp): ...
    def fit(self, hp, model, callbacks=None): ...
"""


def test_arguments_make_the_instance_or_go_to_fit(tmp_path: Path) -> None:
    """Those that the class names, and all others."""
    file = tmp_path / "theirs.py"
    file.write_text(STRICT)
    space = catalog.load(f"{file}:Net", (), ["epochs=3", "classes=10"])
    assert isinstance(space, HyperModelWithFit)
    assert (space.takes_data, space.needs_data) == (True, True)
    named = {"validation_data": (3, 4)}
    handed = space.fit("hp", "model", (1, 2), named, [5])  # type: ignore[arg-type]
    assert handed == (1, 2, (3, 4), [5], 3, 10, False)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Net", ["classes=10"], "missing a required argument: 'epochs'"),
        ("Net", ["epochs=10"], "for Net(classes, wide=False): missing a required argument"),
        ("Net", ["classes=1", "epochs=1", "lr=1"], "got an unexpected keyword argument 'lr'"),
        ("Net", ["classes=1", "epochs=1", "callbacks=1"], "Expected no --argument callbacks"),
        ("Plain", ["epochs=1"], "Received: fit(hp, model, callbacks=None)"),
    ],
)
def test_arguments_that_fit_cannot_take_are_refused(
    name: str, arguments: list[str], message: str, tmp_path: Path
) -> None:
    """Before there is a study."""
    file = tmp_path / "theirs.py"
    file.write_text(STRICT)
    with pytest.raises(SpaceError) as error:
        catalog.load(f"{file}:{name}", (), arguments)
    assert message in str(error.value)


def test_a_fit_that_takes_no_data_is_given_none(tmp_path: Path) -> None:
    """With --data it is refused."""
    file = tmp_path / "theirs.py"
    file.write_text(STRICT)
    space = catalog.load(f"{file}:Plain")
    assert isinstance(space, HyperModelWithFit)
    space.check_data(given=False)
    with pytest.raises(SpaceError, match=r"Expected no --data with Plain\(hp, model"):
        space.check_data(given=True)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("nothing", FILE, "(hp) or (trial). Received: 3"),
        ("Wide", FILE, "missing 1 required positional argument: 'classes'"),
        ("x", "import keras_tuner\nkeras_tuner.Hyperband(1)", "keras_tuner.Hyperband(): remove it"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_line(
    name: str, text: str, message: str, tmp_path: Path, no_keras_tuner: None
) -> None:
    """It says what to do instead."""
    file = tmp_path / "theirs.py"
    file.write_text(text)
    with pytest.raises(SpaceError) as error:
        catalog.load(f"{file}:{name}")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_objective_is_no_hypermodel() -> None:
    """Both are called with one thing: what it is called tells them apart."""

    def objective(trial: Any) -> float:
        return 0.0

    def build(trial: Any, inputs: Any, outputs: Any) -> None: ...

    assert not is_hypermodel(objective)
    assert not is_hypermodel(build)
    assert not is_hypermodel(catalog.FAMILIES["mlp"])
    assert is_hypermodel(lambda hp: hp)
