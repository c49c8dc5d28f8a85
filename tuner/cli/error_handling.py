"""Every error of every command, turned into one line and an exit code."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import click

from search_spaces.errors import SpaceError
from storage.errors import StoreError, StudyGone
from tuner.cli.printing import say
from tuner.control_characters import escape
from tuner.errors import LONGEST_LINE, UserError, one_line, shorten

OURS, THEIRS = 1, 2  # exit codes: a defect of this program, a mistake of the user's
UNHEARD = 128 + signal.SIGPIPE  # exit code: whoever read our output has gone
USER_ERRORS = (SpaceError, StoreError, StudyGone, UserError)


class _Unheard(Exception):
    """Whoever read our output has gone, as `head` does; Click would make exit code 1 of it."""


@contextmanager
def _heard() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as e:
        raise _Unheard from e


class ErrorHandlingGroup(click.Group):
    """The commands in the order in which they were added, and what happens to their errors.

    A mistake of the user's is one line and exit code 2; a defect of ours is one line that says
    how to see the traceback, and exit code 1.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _heard():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _heard():
            return super().invoke(ctx)

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        words = args[0] if args else kwargs.get("args")
        words = list(sys.argv[1:] if words is None else words)
        plain = [word for word in words if word != "--debug"]  # it may stand anywhere
        try:
            code = super().main(**{**kwargs, "args": plain, "standalone_mode": False})
        except Exception as e:
            code = _refuse(e, plain, debug=plain != words)
        sys.exit(code if isinstance(code, int) else 0)


def _refuse(error: Exception, words: list[str], *, debug: bool) -> int:
    """Says what went wrong on one line of standard error; returns the exit code."""
    if isinstance(error, click.Abort):
        return _aborted(error)
    if isinstance(error, _Unheard):
        return _unheard()
    if debug:
        say("".join(traceback.format_exception(error)).rstrip("\n"), err=True)
    if isinstance(error, click.ClickException):
        return _say(_usage(error), THEIRS)
    if isinstance(error, USER_ERRORS):
        return _say(str(error), THEIRS)
    if isinstance(error, MemoryError):
        received = f"Received: {one_line(error)}: take fewer rows, or a smaller model."
        return _say(f"Expected what was asked to fit into memory. {received}", THEIRS)
    again = shlex.join(["tuner", "--debug", *words])
    if len(again) > LONGEST_LINE // 2:
        again = "tuner --debug and the same words"
    return _say(f"internal error, {one_line(error)}. For the traceback: {again}", OURS)


def _say(message: str, code: int) -> int:
    with suppress(BrokenPipeError):
        line = escape(f"Error: {' '.join(message.split())}")  # which makes it longer
        say(shorten(line, LONGEST_LINE), err=True)
    return code


def _usage(error: click.ClickException) -> str:
    """Click's message, with the command that explains more."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    see = f" See: {ctx.command_path} --help" if ctx is not None else ""
    return f"{error.format_message()}{see}"


def _aborted(error: click.Abort) -> int:
    if isinstance(error.__cause__, KeyboardInterrupt):
        return 130
    say("Nothing was changed.", err=True)
    return OURS


def _unheard() -> int:
    """Nothing more is written where nobody reads, also when Python ends and empties its buffers.

    The exit code is the one that shells show of a program that the signal for this has ended.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
    return UNHEARD
