"""Constraints on hyperparameters and costs: what may be typed, and how far a trial is from them."""

from __future__ import annotations

import math

import pytest

from search_spaces import catalog
from tuner.errors import UserError
from tuner.studies.constraints import Constraint, Infeasible, Margins, numbers
from tuner.study_setup.constraint_checks import check_constraints


@pytest.mark.parametrize(
    ("text", "margin"),
    [
        ("parameters<=200", math.log(1.5)),
        ("200>=parameters", math.log(1.5)),
        ("parameters<=600", -math.log(2)),
        ("parameters<1e9", -2.0),
        ("1e9<parameters", 2.0),
        ("parameters<300", 1e-9),
        ("parameters<=300", 0.0),
        ("layers*units+100<=200", math.log(164 / 200)),
        ("-(layers-4)/2<=0.5", math.log(2)),
        ("units-40<=0", -1.0),
        ("units_9<=16", -1.0),  # which the trial does not have
        ("units/units_9<=16", 2.0),
    ],
)
def test_margins(text: str, margin: float):
    """Above 0 where a constraint is violated; twice as much is as far away as half of it."""
    values = {"parameters": 300.0, "layers": 2.0, "units": 32.0}
    assert Constraint(text).margin(values) == pytest.approx(margin)


@pytest.mark.parametrize(
    "text",
    [
        "", "parameters", "parameters=5", "1<=parameters<=5", "parameters==5", "parameters<='5'",
        "units**9<=5", "len(units)<=5", "units.size<=5", "True<=units", "units<=5; 1", "(" * 300,
        "a<=" + "1" * 300, "units<=\0", "units<=1if 1 else 2", "[units]<=1", "__import__('os')<1",
    ],
)  # fmt: skip
def test_what_is_no_constraint(text: str):
    """Is refused in one line; nothing of it is run."""
    with pytest.raises(UserError) as refused:
        Constraint(text)
    assert "Expected --constraint with numbers and names" in str(refused.value)
    assert len(str(refused.value)) <= 300
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("units_0<=5", None),
        ("layers*units_0*memory<=parameters", None),
        ("unit_0<=5", "Received: 'unit_0'. Did you mean"),
        ("activation<=5", "Received: activation, which is none: narrow it with --set activation"),
    ],
)
def test_names_are_those_of_the_space(text: str, words: str | None):
    """Numbers alone, and what models cost."""
    space = catalog.load("mlp")
    if words is None:
        check_constraints(space, [text])
    else:
        with pytest.raises(UserError, match="Expected --constraint") as refused:
            check_constraints(space, [text])
        assert words in str(refused.value)


def test_a_trial_that_violates_one_is_refused_with_its_numbers():
    """The first one that it violates; what is not known before it trains is left out."""
    constraints = [Constraint("units<=64"), Constraint("memory<=1"), Constraint("parameters<=9e4")]
    values = {**numbers({"units": 32, "kind": "a", "on": True}), "memory": None, "parameters": 1e5}
    margins = Margins(constraints, values)
    assert list(margins.by_constraint) == ["1: units<=64", "3: parameters<=9e4"]
    expected = "^Expected parameters<=9e4. Received: parameters=100,000.$"
    with pytest.raises(Infeasible, match=expected):
        margins.check()
    Margins(constraints[:2], values).check()
