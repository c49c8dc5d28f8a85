"""What ``--set`` accepts, and the one line it answers otherwise."""

from __future__ import annotations

import re

import pytest

from search_spaces import Choice, Float, Int, Limits, SpaceError
from search_spaces.parameters.overrides import general, narrow, parse
from search_spaces.parameters.parameter import Parameter

UNITS = Int(16, 512, log=True, default=128, limits=Limits(at_least=1))
DROPOUT = Float(0.0, 0.5, step=0.1, default=0.1, limits=Limits(at_least=0, below=1))
BATCH_SIZE = Choice([16, 32, 64, 128], limits=Limits(at_least=1))
ACTIVATION = Choice(["relu", "tanh"], allowed=["prelu", "gelu"])
NESTEROV = Choice([False, True])


def test_overrides_are_split_at_the_first_equals_sign() -> None:
    """Spaces around it do not count."""
    assert parse(["units = 32..512", "a=b=c"]) == {"units": "32..512", "a": "b=c"}


@pytest.mark.parametrize("typed", ["", "units", "units=", "=3", " = "])
def test_an_override_needs_a_name_and_values(typed: str) -> None:
    """The message shows an example."""
    with pytest.raises(SpaceError, match=r"Expected NAME=VALUES, such as units=32..512:log"):
        parse([typed])


def test_a_name_is_set_once() -> None:
    """Both values are shown."""
    with pytest.raises(SpaceError, match=r"Received: units=32 and units=64"):
        parse(["units=32", "units=64"])


def test_the_general_name_of_a_numbered_parameter() -> None:
    """Without its number; other names stay."""
    assert general("units_12") == "units"
    assert general("learning_rate") == "learning_rate"


@pytest.mark.parametrize(
    ("parameter", "text", "narrowed"),
    [
        (UNITS, "32..64:log", "32..64:log"),
        (UNITS, "32..64", "32..64:log"),
        (UNITS, "32..64:linear", "32..64"),
        (UNITS, "32..64:1", "32..64"),
        (UNITS, "32..64:16", "32..64:16"),
        (UNITS, "1..4096", "1..4096:log"),
        (UNITS, " 32 .. 64 : log ", "32..64:log"),
        (UNITS, "64", "64"),
        (UNITS, "64..64", "64"),
        (UNITS, "128,64", "64,128"),
        (DROPOUT, "0.2", "0.2"),
        (DROPOUT, "0..0.3", "0..0.3"),
        (DROPOUT, "0..0.5:0.25", "0..0.5:0.25"),
        (DROPOUT, "0,0.5", "0,0.5"),
        (BATCH_SIZE, "32,64", "32,64"),
        (BATCH_SIZE, "100", "100"),
        (BATCH_SIZE, "20..64", "32,64"),
        (BATCH_SIZE, "8..512:log", "8..512:log"),
        (BATCH_SIZE, "8..512:8", "8..512:8"),
        (ACTIVATION, "tanh,prelu", "tanh,prelu"),
        (ACTIVATION, "ReLU", "relu"),
        (NESTEROV, "True", "true"),
    ],
)
def test_an_override_gives_a_range_a_list_or_a_value(
    parameter: Parameter, text: str, narrowed: str
) -> None:
    """A range keeps the parameter's scale unless another is asked for."""
    assert narrow("name", parameter, text).text == narrowed


@pytest.mark.parametrize(
    ("parameter", "text", "expected"),
    [
        (UNITS, "0", "a whole number at least 1. Received: '0'."),
        (UNITS, "2.5", "a whole number at least 1. Received: '2.5'."),
        (UNITS, "a..b", "a whole number at least 1. Received: 'a'."),
        (UNITS, "..64", "a whole number at least 1. Received: ''."),
        (UNITS, "32..", "a whole number at least 1. Received: ''."),
        (UNITS, "32,,64", "a whole number at least 1. Received: ''."),
        (UNITS, "512..32", "the lower end first. Received: 512..32."),
        (UNITS, "32,32", "every value once. Received: 32, 32."),
        (UNITS, "32..64:fast", "log, linear or a step after the colon. Received: 'fast'."),
        (UNITS, "32..64:0", "32..64:STEP with a step above 0 that fits into the range"),
        (UNITS, "32..64:64", "32..64:STEP with a step above 0 that fits into the range"),
        (DROPOUT, "1.5", "a number at least 0 and below 1. Received: '1.5'."),
        (DROPOUT, "nan", "a number at least 0 and below 1. Received: 'nan'."),
        (DROPOUT, "0..0.5:log", "a log range to start above 0. Received: 0..0.5."),
        (BATCH_SIZE, "0,32", "whole numbers at least 1. Received: '0'."),
        (BATCH_SIZE, "8..512", "a range with values of the list 16,32,64,128 and no end beyond"),
        (BATCH_SIZE, "33..63", "a range with values of the list 16,32,64,128 and no end beyond"),
        (BATCH_SIZE, "64..32", "the lower end first. Received: 64..32."),
        (ACTIVATION, "rleu", "one of relu, tanh, prelu, gelu. Received: 'rleu'. Did you mean relu"),
        (ACTIVATION, "relu..tanh", "one of relu, tanh, prelu, gelu. Received: 'relu..tanh'."),
        (NESTEROV, "yes", "one of false, true. Received: 'yes'."),
        (Choice([2, 3]), "2..3:1", "one of 2, 3. Received a range: list its values."),
        (Choice([2, 3]), "4", "one of 2, 3. Received: '4'."),
    ],
)
def test_what_a_parameter_cannot_mean_is_refused_in_one_line(
    parameter: Parameter, text: str, expected: str
) -> None:
    """With what it accepts."""
    message = re.escape(f"name={text}: Expected {expected}")
    with pytest.raises(SpaceError, match=f"^{message}") as refusal:
        narrow("name", parameter, text)
    assert "\n" not in str(refusal.value)


def test_the_default_stays_or_becomes_the_closest_value_or_the_first() -> None:
    """Whatever is closest among numbers, the first of categories."""
    assert narrow("units", UNITS, "32..512").default == 128
    assert narrow("units", UNITS, "32..64").default == 64
    assert narrow("units", UNITS, "200,400").default == 200
    assert narrow("activation", ACTIVATION, "tanh,relu").default == "relu"
    assert narrow("activation", ACTIVATION, "gelu,tanh").default == "gelu"


def test_conditions_help_and_limits_survive_an_override() -> None:
    """By a value, a list or a range."""
    rho = Float(0.8, 0.99, limits=Limits(below=1), when={"optimizer": "rmsprop"}, help="words")
    for text in ("0.9", "0.8,0.9", "0.85..0.95"):
        narrowed = narrow("rho", rho, text)
        assert (narrowed.when, narrowed.help, narrowed.limits) == (rho.when, "words", rho.limits)
