"""`poll` waits no longer than needed and says what it waited for."""

from __future__ import annotations

import pytest

from tests.support.polling import poll


def test_the_true_value_is_returned():
    """The first one that is true."""
    values = iter([None, 0, "ready"])
    assert poll(lambda: next(values), 5, interval=0) == "ready"


def test_a_condition_that_stays_false_is_reported_with_its_last_value():
    """And with what was waited for."""
    with pytest.raises(AssertionError, match=r"waiting for the moon. Received: \[\]"):
        poll(list, 0.01, interval=0, waiting_for="the moon")
