"""The first signal asks, the second one insists."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.polling import PATIENCE
from tuner.cli.interrupts import Interrupts


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_is_noted_instead_of_ending_the_process(number: signal.Signals, code: int):
    """The exit code is what shells expect; afterwards everything is as before."""
    before = signal.getsignal(number)
    insisted: list[bool] = []
    with Interrupts(again=lambda: insisted.append(True)) as asked:
        assert asked.received is None
        os.kill(os.getpid(), number)
        asked.wait(PATIENCE)
        assert (asked.received, asked.exit_code) == (number, code)
        assert not insisted
        os.kill(os.getpid(), number)
        assert insisted
    assert signal.getsignal(number) is before
