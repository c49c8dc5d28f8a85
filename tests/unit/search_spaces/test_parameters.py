"""Int, Float and Choice: ranges, samples, and what they refuse."""

from __future__ import annotations

import optuna
import pytest

from search_spaces import AtLeast, Choice, Float, Int, Limits, SpaceError


def test_an_ordered_list_is_sampled_by_its_index() -> None:
    """So that the sampler knows which values are close."""
    batch_size = Choice([16, 32, 64])
    trial = optuna.trial.FixedTrial({"batch_size": 2})
    assert batch_size.suggest(trial, "batch_size") == 64
    assert trial.distributions["batch_size"] == optuna.distributions.IntDistribution(0, 2)
    assert batch_size.encode(64) == 2


def test_categories_are_sampled_as_they_are() -> None:
    """They have no order."""
    activation = Choice(["relu", "tanh"])
    trial = optuna.trial.FixedTrial({"activation": "tanh"})
    assert activation.suggest(trial, "activation") == "tanh"
    assert activation.encode("tanh") == "tanh"


def test_categories_may_be_tuples() -> None:
    """Optuna stores their text; what JSON made a list of is known again."""
    layers = Choice([(8,), (8, 4)])
    trial = optuna.trial.FixedTrial({"layers": "[8, 4]"})
    assert layers.suggest(trial, "layers") is layers.values[1]
    assert layers.encode((8, 4)) == layers.encode([8, 4]) == "[8, 4]"  # type: ignore[arg-type]
    assert layers.as_declared([8, 4]) is layers.values[1]
    assert layers.text == "[8],[8, 4]"
    with pytest.raises(SpaceError, match="name each by a text"):
        Choice([print])


def test_true_and_false_are_categories_and_no_numbers() -> None:
    """Though Python counts with them."""
    assert not Choice([False, True]).ordered
    assert not Int(0, 1).contains(True)


@pytest.mark.parametrize("parameter", [Int(3, 3), Float(0.2, 0.2), Choice(["relu"])])
def test_what_is_fixed_is_never_asked_of_the_sampler(parameter: Int | Float | Choice) -> None:
    """A range or list of one value."""
    trial = optuna.trial.FixedTrial({})
    assert parameter.suggest(trial, "fixed") == parameter.default
    assert trial.distributions == {}


def test_steps_give_numbers_without_binary_residue() -> None:
    """0.3 and not 0.30000000000000004."""
    trial = optuna.trial.FixedTrial({"dropout": 0.1 * 3})
    assert Float(0.0, 0.5, step=0.1).suggest(trial, "dropout") == 0.3


def test_a_range_ends_where_its_step_does() -> None:
    """At the last value that a step reaches."""
    assert Float(0, 0.5, step=0.2).text == "0..0.4:0.2"
    assert Int(16, 100, step=32).high == 80


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (Int(1, 3), "1..3"),
        (Int(16, 512, log=True), "16..512:log"),
        (Int(16, 512, step=16), "16..512:16"),
        (Int(1, 3, step=1), "1..3"),
        (Float(1e-4, 0.1, log=True), "0.0001..0.1:log"),
        (Float(0, 1), "0..1"),
        (Choice([0.0, 1e-5]), "0,1e-05"),
        (Choice([True, None, "on"]), "true,none,on"),
    ],
)
def test_a_range_prints_as_it_is_typed(parameter: Int | Float | Choice, text: str) -> None:
    """On the command line."""
    assert parameter.text == text


def test_the_default_is_the_middle_of_a_range_and_the_first_category() -> None:
    """On the range's own scale."""
    assert Int(1, 3).default == 2
    assert Float(1e-4, 1e-2, log=True).default == pytest.approx(1e-3)
    assert Choice([16, 32, 64]).default == 32
    assert Choice(["relu", "tanh"]).default == "relu"


@pytest.mark.parametrize(
    ("parameter", "value", "nearest"),
    [
        (Int(16, 512), 1000, 512),
        (Int(16, 512, step=16), 30, 32),
        (Float(0.0, 0.5, step=0.1), 0.26, 0.3),
        (Choice([16, 32, 64]), 100, 64),
        (Choice(["relu", "tanh"]), "tanh", "tanh"),
    ],
)
def test_nearest(parameter: Int | Float | Choice, value: float | str, nearest: object) -> None:
    """The closest value that the parameter can have."""
    assert parameter.nearest(value) == nearest


def test_a_category_that_is_not_offered_has_no_nearest_one() -> None:
    """It is refused with those that are."""
    with pytest.raises(SpaceError, match=r"Expected one of relu, tanh. Received: gelu"):
        Choice(["relu", "tanh"]).nearest("gelu")


def test_what_lies_outside_is_not_encoded() -> None:
    """It is refused with the range."""
    with pytest.raises(SpaceError, match=r"Expected a value of 16,32. Received: 24"):
        Choice([16, 32]).encode(24)


def test_a_condition_needs_the_other_parameter_to_exist_and_to_match() -> None:
    """All conditions must hold."""
    momentum = Float(0.0, 0.9, when={"optimizer": ("sgd", "rmsprop"), "layers": AtLeast(2)})
    assert momentum.exists({"optimizer": "sgd", "layers": 2})
    assert not momentum.exists({"optimizer": "adam", "layers": 2})
    assert not momentum.exists({"optimizer": "sgd", "layers": 1})
    assert not momentum.exists({"optimizer": "sgd"})


def test_a_definition_holds_range_and_conditions() -> None:
    """What help says is no part of it."""
    decay = Float(1e-4, 0.1, log=True, when={"schedule": "inverse_time"}, help="any")
    assert decay.definition() == {
        "type": "float",
        "low": 1e-4,
        "high": 0.1,
        "log": True,
        "step": None,
        "when": {"schedule": {"one_of": ["inverse_time"]}},
    }


def test_numbers_beyond_the_declared_range_need_limits() -> None:
    """Without them the declared range is all that has a meaning."""
    assert not Int(1, 3).means(4)
    assert Int(1, 3, limits=Limits(at_least=1)).means(4)
    assert not Choice([16, 32]).means(24)
    assert Choice([16, 32], limits=Limits(at_least=1)).means(24)
    assert not Float(0, 1, limits=Limits(at_least=0)).means(float("inf"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Int(3, 1), r"Expected the lower end first. Received: 3..1"),
        (lambda: Int(0, 8, log=True), r"log range to start above 0. Received: 0..8"),
        (lambda: Int(0, 8, step=9), r"a step above 0 that fits into the range. Received: 9"),
        (lambda: Int(0, 8, step=-1), r"a step above 0 that fits into the range. Received: -1"),
        (lambda: Int(1, 8, step=2, log=True), r"a log scale or a step, not both"),
        (lambda: Int(0, 8, default=9), r"Expected a default in 0..8. Received: 9"),
        (lambda: Int(0.5, 8), r"Expected a whole number"),
        (lambda: Float(0, 1, limits=Limits(below=1)), r"Expected a number below 1. Received: '1'"),
        (lambda: Choice([]), r"Expected a list of values"),
        (lambda: Choice("relu"), r"Expected a list of values. Received: 'relu'"),
        (lambda: Choice(["relu", "relu"]), r"Expected every value once"),
        (lambda: Choice([64, 32]), r"Expected numbers in ascending order. Received: 64, 32"),
        (lambda: Choice(["a"], ordered=True), r"Expected numbers in ascending order"),
        (
            lambda: Choice([0, 1], limits=Limits(at_least=1)),
            r"Expected whole numbers at least 1. Received: '0'",
        ),
        (lambda: Int(1, 10**400), r"Expected a whole number at least 1"),
        (lambda: Choice(["a"], default="b"), r"Expected a default among a. Received: 'b'"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(make: object, message: str) -> None:
    """When it is made, with what was expected."""
    assert callable(make)
    with pytest.raises(SpaceError, match=message):
        make()
