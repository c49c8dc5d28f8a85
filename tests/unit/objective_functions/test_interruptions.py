"""Code that goes on although its trial has to stop is ended with its process."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from storage.leases import WorkerCommand
from tuner.objective_functions.interruptions import (
    Interruptions,
    Reason,
    SilentTrialGuard,
    TrialInterrupted,
)


def reporter(**state: Any) -> Any:
    usual = {"lost": None, "command": WorkerCommand.CONTINUE, "progress": lambda: None}
    return SimpleNamespace(**{**usual, **state})


@pytest.mark.parametrize(
    ("state", "stopping", "seconds", "reason"),
    [
        ({}, False, None, None),
        ({}, False, 1000.0, None),
        ({"lost": "gone"}, True, -1.0, Reason.LOST),
        ({}, True, -1.0, Reason.GIVE_BACK),
        ({"command": WorkerCommand.GIVE_BACK}, False, -1.0, Reason.GIVE_BACK),
        ({"command": WorkerCommand.END}, False, -1.0, Reason.TIMEOUT),
        ({"command": WorkerCommand.END}, False, None, Reason.END),
    ],
)
def test_why_a_trial_has_to_stop(state: Any, stopping: bool, seconds: Any, reason: Any):
    """A trial that is lost comes first: nothing of it may be written any more."""
    event = threading.Event()
    if stopping:
        event.set()
    found = Interruptions(reporter(**state), event, seconds)
    assert found.reason() is reason
    if reason is not None:
        with pytest.raises(TrialInterrupted) as raised:
            found.check()
        assert raised.value.reason is reason
        assert not isinstance(raised.value, Exception)  # what `except Exception` lets pass


def test_a_trial_that_ended_its_study_goes_on_to_its_own_end():
    """Others are told to end."""
    found = Interruptions(reporter(command=WorkerCommand.END), threading.Event())
    found.ends_study = True
    assert found.reason() is None


def test_silent_code_is_ended_after_its_end_is_written():
    """First the trial is given back, then the process ends."""
    stopping, ended = threading.Event(), threading.Event()
    calls: list[Any] = []

    def end() -> None:
        calls.append("end")
        ended.set()

    stopping.set()
    guard = SilentTrialGuard(
        Interruptions(reporter(), stopping), abandon=calls.append, end_process=end, grace=0.0
    )
    with guard:
        ended.wait()
    assert calls[:2] == [Reason.GIVE_BACK, "end"]


def test_code_that_ends_by_itself_is_left_alone():
    """However late it was told to stop."""
    calls: list[Any] = []
    stopping = threading.Event()
    guard = SilentTrialGuard(
        Interruptions(reporter(), stopping),
        abandon=calls.append,
        end_process=lambda: calls.append("end"),
        grace=0.0,
    )
    with guard:
        pass
    stopping.set()
    guard._thread.join()
    assert calls == []
