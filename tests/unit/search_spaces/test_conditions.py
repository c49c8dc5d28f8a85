"""Conditions are data: they hold or not, print, and have a definition."""

from __future__ import annotations

import pytest

from search_spaces import AtLeast, AtMost, OneOf
from search_spaces.parameters.conditions import Condition, as_condition


@pytest.mark.parametrize(
    ("condition", "holding", "failing", "words"),
    [
        (OneOf(("sgd", "rmsprop")), "sgd", "adam", "p is sgd or rmsprop"),
        (OneOf((True,)), True, False, "p is true"),
        (AtLeast(3), 3, 2, "p >= 3"),
        (AtMost(0.5), 0.5, 0.6, "p <= 0.5"),
        (AtLeast(1), 1, True, "p >= 1"),
        (AtMost(1), 1, "0", "p <= 1"),
    ],
)
def test_a_condition_holds_and_says_so(
    condition: Condition, holding: object, failing: object, words: str
) -> None:
    """For values in it and not for others, in words that help shows."""
    assert condition.holds(holding)  # type: ignore[arg-type]
    assert not condition.holds(failing)  # type: ignore[arg-type]
    assert condition.describe("p") == words


def test_a_value_or_a_list_of_values_is_a_condition() -> None:
    """One of them; a condition stays as it is."""
    assert as_condition("sgd") == OneOf(("sgd",))
    assert as_condition(["sgd", "adam"]) == OneOf(("sgd", "adam"))
    assert as_condition(AtLeast(3)) == AtLeast(3)


def test_definitions_tell_conditions_apart() -> None:
    """Each kind has a key of its own."""
    assert AtLeast(3).definition() == {"at_least": 3}
    assert AtMost(3).definition() == {"at_most": 3}
    assert OneOf((3, 4)).definition() == {"one_of": [3, 4]}
