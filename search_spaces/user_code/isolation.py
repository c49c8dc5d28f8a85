"""Runs users' code so that it can neither end this process nor change its global state.

Every exception becomes a `UserCodeError`, also one whose class is ours: users' code that raises
``StoreUnreachable`` says nothing of the store. Global settings are restored, and a process that
the code forked ends here. ``os._exit`` or a segmentation fault cannot be caught within a process:
the supervisor handles them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar, cast

from search_spaces.errors import SpaceError, gist
from search_spaces.user_code import vital_state
from search_spaces.user_code.process_state import Snapshot

OF_OURS = "raised by the tuner"  # in an exception's namespace, which users' code does not know
ASTRAY = 70  # exit code of a forked process that returned from users' code

logger = logging.getLogger(__name__)

Target = TypeVar("Target")

_reported: set[tuple[str, str]] = set()  # changes that were logged in this process
_interrupts = 0  # how often Ctrl-C was pressed while users' code ran


class UserCodeError(SpaceError):
    """Users' code raised an exception, which is the ``__cause__``."""


def original(error: BaseException) -> BaseException:
    """Returns the exception that users' code raised; any other error as it is."""
    return (error.__cause__ or error) if isinstance(error, UserCodeError) else error


class Trusted:
    """An object of ours that is called within users' code.

    What its methods raise passes the boundaries around them as it is: it is not the users' error.

    Args:
        target: The object.
    """

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        with _trusting():
            value = getattr(self._target, name)
        return _trusting()(value) if callable(value) else value


def trusted(target: Target) -> Target:
    """Returns an object of ours as a `Trusted` one, which has the same methods."""
    return cast(Target, Trusted(target))


@contextmanager
def _trusting() -> Iterator[None]:
    vital_state.check()  # before it writes into a file that users' code has closed
    try:
        yield
    except BaseException as e:
        vars(e)[OF_OURS] = True
        raise


@contextmanager
def isolated(
    what: str, *, keep: tuple[str, ...] = (), passing: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Runs the block as users' code.

    Global state is saved and restored in the main thread only: with several threads each would
    restore what another one is using.

    Args:
        what: Name of what runs, for messages, such as ``build() of net``.
        keep: Names of settings that the code may change permanently.
        passing: Errors that leave as they are: for blocks with code of ours in them, where the
            class of an error decides nothing but its wording.

    Raises:
        UserCodeError: It raised anything but Ctrl-C, or what a `Trusted` object in it raised.
    """
    process = os.getpid()
    in_main_thread = threading.current_thread() is threading.main_thread()
    before, interrupts = Snapshot(keep) if in_main_thread else None, _interrupts
    try:
        with _counting_ctrl_c(in_main_thread):
            yield
    except BaseException as e:
        if (
            isinstance(e, (UserCodeError, *passing))
            or OF_OURS in vars(e)
            or _interrupts > interrupts
            or _is_own_end(e)
        ):
            raise
        raise UserCodeError(f"{what} raised {describe_error(e)}") from e
    finally:
        if os.getpid() != process:
            os._exit(ASTRAY)  # a fork must not go on as a second worker
        vital_state.check()
        if before is not None:
            _report(what, before.put_back())


@contextmanager
def user_code_errors(what: str, path: str, *, keep: tuple[str, ...] = ()) -> Iterator[None]:
    """Turns any exception of users' code into a `SpaceError` that shows the line in their file.

    Args:
        what: name of what runs, for messages, such as ``build() of net``.
        path: the user's file. Its innermost line is shown, also if Keras raised.
        keep: as for `isolated`.

    Raises:
        SpaceError: the code raised anything but Ctrl-C.
    """
    try:
        with isolated(what, keep=keep):
            yield
    except UserCodeError as e:
        error = original(e)
        if not isinstance(error, SpaceError):
            raise SpaceError(f"{what} raised {describe_error(error, path)}") from error
        place = f" ({_lines(error, path)[-1]})" if _lines(error, path) else ""
        raise SpaceError(f"{gist(error)}{place}") from error


def describe_error(error: BaseException, path: str | None = None) -> str:
    """Returns ``ValueError: too wide (net.py:7)``, with the file's innermost line if any."""
    message = gist(error)
    places = _lines(error, path) or _lines(error)
    return f"{type(error).__name__}: {message}" + (f" ({places[-1]})" if places else "")


def _lines(error: BaseException, path: str | None = None) -> list[str]:
    """Returns the lines of a traceback as ``file:line``, outermost first, of one file or of all."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return [f"{error.filename}:{error.lineno}"]
    return [
        f"{frame.filename}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if path in (None, frame.filename) and not frame.filename.startswith("<frozen ")
    ]


def _is_own_end(error: BaseException) -> bool:
    """Whether this context manager was closed early, and no code raised the GeneratorExit."""
    frames = traceback.extract_tb(error.__traceback__)
    own = (__file__, contextlib.__file__)
    return isinstance(error, GeneratorExit) and all(frame.filename in own for frame in frames)


def _report(what: str, changes: list[str]) -> None:
    """Logs what was changed, each change once per process."""
    new = [change for change in changes if (what, change) not in _reported]
    _reported.update((what, change) for change in new)
    if new:
        logger.warning("%s changed %s: restored", what, "; ".join(new))


@contextmanager
def _counting_ctrl_c(in_main_thread: bool) -> Iterator[None]:
    """Counts Ctrl-C, to tell it from a ``KeyboardInterrupt`` that users' code raises itself.

    Workers handle the signal in another way: there every ``KeyboardInterrupt`` is the code's own.
    """
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _count_ctrl_c)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is _count_ctrl_c:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _count_ctrl_c(number: int, frame: FrameType | None) -> None:
    global _interrupts
    _interrupts += 1
    signal.default_int_handler(number, frame)
