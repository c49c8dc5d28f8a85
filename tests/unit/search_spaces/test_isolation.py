"""Users' code neither ends the process nor leaves its global state changed, whatever it does."""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.errors import SpaceError
from search_spaces.user_code.isolation import (
    ASTRAY,
    Trusted,
    UserCodeError,
    isolated,
    original,
    user_code_errors,
)
from search_spaces.user_code.process_state import CONFIGURATION, SETTINGS, Snapshot
from storage.errors import LeaseLost, StoreUnreachable, StudyGone
from tests.support.sources import ROOT
from tuner.errors import UserError, one_line
from tuner.trials.failures import failed_outcome


class Own(BaseException):
    """What a user may raise, too."""


def quits(error: BaseException) -> None:
    raise error


LEAVING: list[Callable[[], object]] = [
    lambda: sys.exit(0),
    lambda: sys.exit("a text"),
    lambda: quits(KeyboardInterrupt()),
    lambda: quits(Own("mine")),
    lambda: quits(SystemExit(2)),
    lambda: quits(GeneratorExit()),
]


@pytest.mark.parametrize("leave", LEAVING)
def test_who_tries_to_leave_raises_an_ordinary_error(leave: Callable[[], object]):
    """With what was raised as its cause, and the line of it."""
    place = r"test_isolation.py:\d+\)$"
    with (
        pytest.raises(UserCodeError, match=rf"build raised .*{place}") as caught,
        isolated("build"),
    ):
        leave()
    assert not isinstance(original(caught.value), Exception)
    with (
        pytest.raises(SpaceError, match=rf"^net raised .*{place}"),
        user_code_errors("net", __file__),
    ):
        leave()


@pytest.mark.parametrize("base", [Exception, BaseException])
@pytest.mark.parametrize("within", [SystemExit(0), ValueError("no text")])
def test_an_error_whose_text_fails_is_told_all_the_same(
    base: type[BaseException], within: BaseException
):
    """A sys.exit in ``__str__`` would end whoever words the failure, outside of the boundary."""

    class Mute(base):  # type: ignore[misc,valid-type]
        def __str__(self) -> str:
            raise within

    with (
        pytest.raises(
            SpaceError, match=rf"^net raised Mute: <its text raised {type(within).__name__}>"
        ),
        user_code_errors("net", __file__),
    ):
        raise Mute
    with pytest.raises(UserCodeError) as caught, isolated("build()"):
        raise Mute
    failure = failed_outcome("error", caught.value).failure
    assert failure is not None
    assert failure.message == f"Mute: <its text raised {type(within).__name__}>"
    assert "raise Mute" in str(failure.traceback)
    assert one_line(original(caught.value)) == failure.message


def test_a_boundary_that_is_dropped_before_its_end_says_nothing():
    """Python ends it with GeneratorExit, too, which no code has raised."""
    gone: list[str] = []
    context = isolated("build()", keep=("the working directory",))
    context.__enter__()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda seen: gone.append(str(seen.exc_value)))
        del context
        gc.collect()
    assert gone == []


@pytest.mark.parametrize(
    "error",
    [
        ValueError("too wide"),
        StopIteration("too wide"),
        StoreUnreachable("too wide"),
        StudyGone("too wide"),
        LeaseLost("too wide"),
        UserError("too wide"),
        SpaceError("too wide"),
        optuna.TrialPruned("too wide"),
    ],
)
def test_no_class_of_an_error_passes_for_ours(error: Exception):
    """Who raises our StoreUnreachable says nothing of the store: a worker would wait for it."""
    with pytest.raises(UserCodeError, match="too wide") as caught, isolated("build()"):
        raise error
    assert type(caught.value) is UserCodeError
    assert caught.value.__cause__ is original(caught.value) is error
    again = pytest.raises(UserCodeError)
    with again as outer, isolated("training"), isolated("build()"):
        raise error
    assert original(outer.value) is error


class Store:
    """An object of ours that the user's code calls."""

    number = 7

    def ask(self, question: str) -> str:
        if question == "away":
            raise StoreUnreachable("no answer")
        return question.upper()


def test_what_our_own_objects_raise_within_the_code_passes():
    """A real store that is away is waited for, also where a user's ``build`` asks its trial."""
    trusted = Trusted(Store())
    assert (trusted.number, trusted.ask("a")) == (7, "A")
    with pytest.raises(StoreUnreachable, match="no answer"), isolated("build()"):
        trusted.ask("away")
    with pytest.raises(AttributeError), isolated("build()"):
        trusted.unknown  # noqa: B018


def test_an_error_with_another_one_of_ours_as_its_cause_is_the_users():
    """They caught ours and raised one of their own."""

    def build() -> None:
        try:
            Trusted(Store()).ask("away")
        except StoreUnreachable as e:
            raise StudyGone("mine") from e

    with pytest.raises(UserCodeError) as caught, isolated("build()"):
        build()
    assert isinstance(original(caught.value), StudyGone)


def test_errors_that_may_pass_are_left_alone():
    """Where our own code is in the block, too; one that would end the process is no such error."""
    error = ValueError("too wide")
    loading = isolated("loading", passing=(Exception,))
    with pytest.raises(ValueError, match="too wide") as caught, loading:
        raise error
    assert caught.value is error
    with pytest.raises(UserCodeError), isolated("loading", passing=(Exception,)):
        sys.exit(0)


@pytest.mark.parametrize("depth", [1, 2])
def test_ctrl_c_is_no_error_of_the_code(depth: int):
    """Where a person types it, also within code that was called by such code."""

    def call(left: int) -> None:
        with isolated("build()"):
            if left:
                call(left - 1)
            signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        call(depth)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(UserCodeError), isolated("build()"):  # and the next one is asked anew
        raise KeyboardInterrupt


FORKS = """
import os, sys
from search_spaces.user_code.isolation import isolated
child = 0
with isolated("build()"):
    child = os.fork()
    if child == 0:
        {leave}
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize("leave", ["pass", "sys.exit(0)", "raise ValueError"])
def test_a_process_that_comes_back_from_a_fork_ends(leave: str):
    """Else two of them would go on with the same trial."""
    program = [sys.executable, "-c", FORKS.format(leave=leave)]
    ended = subprocess.run(program, capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stdout == f"{ASTRAY}\n"


def move(folder: str) -> None:
    os.chdir(folder)


CHANGES: dict[str, Callable[[], object]] = {
    "the working directory": lambda: move("/"),
    "the environment (TUNER_TEST_A, TUNER_TEST_B)": lambda: os.environ.update(
        TUNER_TEST_A="secret", TUNER_TEST_B="new"
    ),
    "the warning filters": lambda: warnings.simplefilter("error"),
    "the handler of SIGTERM": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "the handler of SIGINT": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    "the standard streams": lambda: setattr(sys, "stdout", sys.stderr),
    "the garbage collection": gc.disable,
    "the mask of new files' rights": lambda: os.umask(0o777),
    "the logging": lambda: logging.disable(logging.CRITICAL),
    "the recursion limit": lambda: sys.setrecursionlimit(4321),
    "the timeout of sockets": lambda: socket.setdefaulttimeout(3.0),
    "NumPy's treatment of errors": lambda: np.seterr(all="raise"),
}


@given(st.lists(st.sampled_from(sorted(CHANGES)), unique=True))
def test_what_is_changed_is_put_back_and_told(names: list[str]):
    """Each change by its name, none that was not made, and never a value of the environment."""
    before = {s.name: s.take() for s in SETTINGS if s.is_loaded and s.reported}
    os.environ["TUNER_TEST_B"] = "old"
    snapshot = Snapshot()
    for name in names:
        CHANGES[name]()
    told = snapshot.put_back()
    os.environ.pop("TUNER_TEST_B")
    handlers = sorted(n.rpartition(" ")[2] for n in names if n.startswith("the handler"))
    expected = {n for n in names if not n.startswith("the handler")}
    assert {t.partition(" from ")[0] for t in told if not t.startswith("the handler")} == expected
    found = [t.removeprefix("the handler of ") for t in told if t.startswith("the handler")]
    assert sorted(", ".join(found).split(", ")) == (handlers or [""])
    assert "secret" not in "".join(told)
    after = {s.name: s.take() for s in SETTINGS if s.is_loaded and s.reported}
    assert after == before


def test_random_numbers_go_on_where_they_were():
    """Quietly: they move whenever one is drawn."""
    python, numpy = random.getstate(), np.random.get_state()
    snapshot = Snapshot()
    random.seed(1)
    np.random.seed(1)
    assert snapshot.put_back() == []
    assert random.getstate() == python
    np.testing.assert_array_equal(np.random.get_state()[1], numpy[1])


def test_a_timer_that_was_set_does_not_go_off():
    """Its signal would end the process; one that ran before is somebody else's."""
    before = signal.getitimer(signal.ITIMER_REAL)
    snapshot = Snapshot()
    if before[0] == 0:
        signal.alarm(100)
        assert snapshot.put_back() == ["the alarm clock"]
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    else:
        assert snapshot.put_back() == []


def test_a_change_is_told_once(caplog: pytest.LogCaptureFixture):
    """In one line with all of them."""
    for _ in range(2):
        with isolated("once()"):
            sys.setrecursionlimit(4322)
            np.seterr(all="raise")
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 1
    assert told[0].startswith("once() changed the recursion limit from ")
    assert "to 4322; NumPy's treatment of errors: restored" in told[0]


def test_state_is_put_back_after_an_error_too(tmp_path: Path):
    """The working directory is restored although user code raised."""
    before = os.getcwd()
    with pytest.raises(UserCodeError, match="too wide"), isolated("build()"):
        quits((os.chdir(tmp_path), ValueError("too wide"))[1])
    assert os.getcwd() == before


def test_a_folder_that_is_gone_is_no_trouble(tmp_path: Path):
    """Neither before nor after."""
    gone, before = tmp_path / "gone", os.getcwd()
    gone.mkdir()
    try:
        os.chdir(gone)
        gone.rmdir()
        with isolated("build()"):
            os.chdir(before)
    finally:
        os.chdir(before)


def test_other_threads_leave_global_state_alone():
    """Two of them would put back what the other one is using; what they raise is told as here."""
    caught: list[BaseException] = []

    def work() -> None:
        try:
            with isolated("saving"):
                os.environ["TUNER_TEST_THREAD"] = "1"
                sys.exit(0)
        except Exception as e:
            caught.append(e)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [type(e) for e in caught] == [UserCodeError]
    assert os.environ.pop("TUNER_TEST_THREAD") == "1"


def test_a_file_may_set_up_what_no_number_hangs_on():
    """Keys in the environment, which its functions read later, and which warnings are shown."""
    filters = list(warnings.filters)
    try:
        with isolated("Loading", keep=CONFIGURATION):
            os.environ["TUNER_TEST_KEY"] = "x"
            os.chdir("/")
        assert os.environ.pop("TUNER_TEST_KEY") == "x"
        assert os.getcwd() != "/"
    finally:
        warnings.filters[:] = filters  # type: ignore[index]


def test_every_setting_can_be_put_back_as_it_is():
    """Whatever is imported in this process."""
    values: dict[str, Any] = {s.name: s.take() for s in SETTINGS if s.is_loaded}
    for setting in SETTINGS:
        if setting.is_loaded:
            setting.put(values[setting.name])
    assert {s.name: s.take() for s in SETTINGS if s.is_loaded and s.reported} == {
        name: value for name, value in values.items() if name not in ("random", "numpy.random")
    }
