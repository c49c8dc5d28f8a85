"""A space: its parameters in order, per layer and after overrides, and its fingerprint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import optuna
import pytest

from search_spaces import (
    AtLeast,
    AtMost,
    Choice,
    Float,
    Inputs,
    Int,
    Limits,
    Outputs,
    SearchSpace,
    SpaceError,
)
from search_spaces.families.mlp import MLP


class Unbuilt(SearchSpace):
    """Has parameters only."""

    def build(self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs) -> Any:
        raise AssertionError("nothing is built here")


class Net(Unbuilt):
    layers = Int(1, 3, limits=Limits(at_least=1))
    units = Int(16, 64, limits=Limits(at_least=1), per="layers", help="neurons")
    skip = Choice([False, True], when={"layers": AtLeast(2)})
    width = Choice([1, 2, 4])
    narrow = Choice(["a", "b"], when={"width": AtMost(2)})
    initial_points = (
        {"layers": 1, "units": 64, "width": 4},
        {"narrow": "b", "width": 1},
    )


def fixed_trial(**values: object) -> optuna.trial.FixedTrial:
    """A trial with the defaults of training and these values, as Optuna stores them."""
    space = Net()
    defaults = {n: p.encode(p.default) for n, p in space.parameters.items()}
    return optuna.trial.FixedTrial({**defaults, **values})


def test_a_model_is_built_again_from_what_json_made_of_tuples(fake_keras: Any) -> None:
    """A list from JSON finds the tuple that was declared as a choice."""

    class Deep(SearchSpace):
        layers = Choice([(8,), (8, 4)])

        def build(self, hyperparameters: Mapping[str, Any], *_: Any) -> Any:
            model = fake_keras()
            model.layers = hyperparameters["layers"]
            return model

    space = Deep()
    inputs, outputs = Inputs(shape=(4,)), Outputs.for_task("classes", 3)
    model: Any = space.construct({"layers": [8, 4]}, inputs, outputs)
    assert model.layers == (8, 4)
    assert space.encode({"layers": [8, 4]}) == {"layers": "[8, 4]"}


def test_parameters_keep_their_order_and_are_repeated_per_layer() -> None:
    """As declared; those of training come last."""
    names = list(Net().parameters)
    assert names[:7] == ["layers", "units_0", "units_1", "units_2", "skip", "width", "narrow"]
    assert names[-2:] == ["batch_size", "epochs"]


def test_only_parameters_whose_conditions_hold_are_suggested() -> None:
    """The others are no hyperparameters of the trial."""
    hyperparameters = Net().suggest(fixed_trial(layers=1, units_0=20, width=2))
    assert hyperparameters["units_0"] == 20
    assert hyperparameters["width"] == 4  # the real value, not its index
    assert not {"units_1", "skip", "narrow", "momentum"} & hyperparameters.keys()
    assert {"skip", "narrow"} <= Net().suggest(fixed_trial(layers=2, width=1)).keys()


def test_a_condition_may_refer_to_what_is_fixed() -> None:
    """What has one value is not asked of the sampler, and counts all the same."""
    space = Net(["layers=2", "width=1"])
    trial = fixed_trial(units_0=16, units_1=17)
    hyperparameters = space.suggest(trial)
    assert {"layers": 2, "units_1": 17, "width": 1}.items() <= hyperparameters.items()
    assert {"skip", "narrow"} <= hyperparameters.keys()
    assert "units_2" not in hyperparameters
    assert not {"layers", "width"} & trial.distributions.keys()


@pytest.mark.parametrize("order", [1, -1])
def test_the_more_specific_override_wins_in_any_order(order: int) -> None:
    """One layer's before that of all layers."""
    space = Net(["units=16,32", "units_1=512"][::order])
    texts = {name: space.parameters[name].text for name in ("units_0", "units_1", "units_2")}
    assert texts == {"units_0": "16,32", "units_1": "512", "units_2": "16,32"}


def test_more_layers_have_more_units() -> None:
    """As many parameters as layers there may be."""
    assert "units_4" in Net(["layers=2,5"]).parameters
    assert "units_1" not in Net(["layers=1"]).parameters


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["unitz=3"], r"unitz=3: Expected a parameter of the space. Did you mean units"),
        (["zzz=3"], r"zzz=3: Expected a parameter of the space. There are layers, units, skip"),
        (["layers=2", "units_2=3"], r"units_2=3: Expected a parameter of the space."),
        (
            ["optimizer=adam", "momentum=0.9"],
            r"momentum=0.9: Expected optimizer is sgd or rmsprop, without which there is no "
            r"momentum. Received: optimizer=adam.",
        ),
        (["layers=1", "skip=true"], r"skip=true: Expected layers >= 2.*Received: layers=1"),
        (["width=4", "narrow=b"], r"narrow=b: Expected width <= 2.*Received: width=4"),
        (["units=0", "units_0=8", "units_1=8", "units_2=8"], r"units=0: Expected a whole number"),
    ],
)
def test_an_override_that_fits_nothing_is_refused(overrides: list[str], message: str) -> None:
    """With a close name where there is one."""
    with pytest.raises(SpaceError, match=message):
        Net(overrides)


def test_starting_points_are_complete_and_lie_in_the_space() -> None:
    """The defaults and the two that are declared, filled up with defaults."""
    defaults, first, second = Net().starting_points()
    assert defaults["layers"] == 2
    assert first["units_0"] == 64
    assert "units_1" not in first
    assert second["narrow"] == "b"
    assert second["units_1"] == 40


def test_starting_points_follow_the_overrides() -> None:
    """Values that are not allowed move to the nearest."""
    points = Net(["units=16..32", "width=4"]).starting_points()
    assert [point["units_0"] for point in points] == [32, 32]
    assert all(point["width"] == 4 for point in points)


def test_a_starting_point_with_a_category_not_offered_is_dropped() -> None:
    """There is no nearest category."""
    points = MLP(["optimizer=rmsprop"]).starting_points()
    assert [point["optimizer"] for point in points] == ["rmsprop"]


def test_starting_points_can_be_suggested_again_from_what_optuna_stores() -> None:
    """With and without overrides, they come back equal."""
    for overrides in ([], ["units=32,64", "batch_size=32..512:log", "optimizer=sgd,adam"]):
        space = MLP(overrides)
        for point in space.starting_points():
            assert space.suggest(optuna.trial.FixedTrial(space.encode(point))) == point


def test_encode_refuses_what_is_not_of_the_space() -> None:
    """Unknown names and values outside."""
    with pytest.raises(SpaceError, match=r"Expected a parameter of net. Received: 'widht'.*width"):
        Net().encode({"widht": 1})
    with pytest.raises(SpaceError, match=r"width=3: Expected a value of 1,2,4. Received: 3"):
        Net().encode({"width": 3})


def test_a_definition_is_json_and_moves_the_fingerprint() -> None:
    """Any other range, class or build is another space."""
    definition = Net().definition()
    assert json.loads(json.dumps(definition)) == definition
    assert Net().fingerprint() == Net().fingerprint()
    changed = [Net(["units=32"]), Net(["units_0=16..63"]), Unbuilt(), MLP()]
    assert len({space.fingerprint() for space in (Net(), *changed)}) == 5


def test_a_users_source_is_part_of_the_fingerprint() -> None:
    """The same parameters with other code are another space."""
    space = Net()
    space.source = "0" * 64
    assert space.fingerprint() != Net().fingerprint()


def test_rows_describe_every_parameter() -> None:
    """Range, condition, help, default and what may be asked for."""
    rows = {row.name: row for row in Net().describe()}
    assert list(rows) == list(Net().parameters)
    assert rows["units_1"].range == "16..64"
    assert rows["units_1"].condition == "layers >= 2"
    assert rows["units_1"].help == "neurons (units=... sets all)"
    assert rows["units_1"].accepts == "a whole number at least 1"
    assert rows["momentum"].condition == "optimizer is sgd or rmsprop"
    assert rows["nesterov"].default == "false"


def test_every_parameter_of_the_families_has_help() -> None:
    """Of the MLP and of training."""
    assert all(row.help for row in MLP().describe())


def test_a_space_is_called_after_its_class_or_as_it_says() -> None:
    """A subclass of a named one has a name of its own again."""

    class Named(Unbuilt):
        name = "other"

    class Renamed(Named):
        pass

    assert (Net.name, Named.name, Renamed.name) == ("net", "other", "renamed")


def test_a_space_may_redeclare_what_training_has() -> None:
    """Knobs of optimizers that it does not offer are gone."""

    class Lion(Unbuilt):
        optimizer = Choice(["lion", "adam"])
        momentum = Float(0.0, 0.5, when={"optimizer": "lion"})

    (defaults,) = Lion().starting_points()
    assert defaults["momentum"] == 0.25
    assert not {"nesterov", "rho", "beta_1"} & defaults.keys()


def test_a_parameter_comes_after_those_it_depends_on() -> None:
    """Wherever it was declared."""

    class Late(Unbuilt):
        clip = Float(0.1, 1.0, when={"optimizer": "sgd"})

    names = list(Late().parameters)
    assert names.index("optimizer") < names.index("clip")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            {"rate": Float(0, 1, when={"optimiser": "sgd"})},
            r"Expected 'rate' to depend on a parameter of the space.*'optimiser'.*optimizer",
        ),
        (
            {"rate": Float(0, 1, when={"optimizer": "sdg"})},
            r"Expected 'rate' to depend on a value of 'optimizer': one of adam.*'sdg'",
        ),
        (
            {"rate": Float(0, 1, when={"optimizer": AtLeast(2)})},
            r"Expected 'rate' to test values of 'optimizer', which is no number",
        ),
        ({"units": Int(1, 9, per="activation")}, r"depend on a parameter of the space"),
        ({"units": Int(1, 9, per="learning_rate")}, r"Expected 'units' per a whole number"),
        (
            {"a": Int(1, 2, when={"b": 1}), "b": Int(1, 2, when={"a": 1})},
            r"Expected conditions without a cycle. Received: a -> b -> a",
        ),
        (
            {"n": Int(1, 2), "units": Int(1, 9, per="n", when={"n": 2})},
            r"Expected no condition of 'units' on 'n' beside per",
        ),
    ],
)
def test_conditions_that_cannot_be_are_refused(attributes: dict[str, Any], message: str) -> None:
    """On unknown parameters, values that are not offered, or in a circle."""
    space = type("Wrong", (Unbuilt,), attributes)
    with pytest.raises(SpaceError, match=message):
        space()


@pytest.mark.parametrize("name", ["suggest", "name", "parameters", "starts"])
def test_a_parameter_may_not_hide_what_a_space_has(name: str) -> None:
    """When the class is made."""
    with pytest.raises(SpaceError, match=rf"Expected another name for the parameter {name!r}"):
        type("Wrong", (Unbuilt,), {name: Int(1, 2)})


@pytest.mark.parametrize("compiles", [False, True])
def test_a_space_says_that_its_models_come_compiled(fake_keras: Any, compiles: bool) -> None:
    """Then only batch size and epochs are trained by us; a class that does not say so is told."""

    class Own(SearchSpace):
        rate = Float(1e-4, 1e-2, log=True)

        def build(self, hyperparameters: Mapping[str, Any], *_: Any) -> Any:
            model = fake_keras()
            model.compiled = True
            return model

    Own.compiles = compiles
    space, shapes = Own(), (Inputs(shape=(4,)), Outputs.for_task("binary"))
    if compiles:
        assert list(space.parameters) == ["rate", "batch_size", "epochs"]
        assert space.build_default(*shapes).compiled
    else:
        with pytest.raises(SpaceError, match="set compiles = True in the class"):
            space.build_default(*shapes)
