"""Every error of every command, turned into one line and an exit code."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from typing import Any, NoReturn

import click

from search_spaces.errors import SpaceError
from storage.errors import StoreError, StudyGone
from tuner.errors import UserError, one_line

OURS, THEIRS = 1, 2  # exit codes: a defect of this program, a mistake of the user's
USER_ERRORS = (SpaceError, StoreError, StudyGone, UserError)


class Program(click.Group):
    """The commands in the order in which they were added, and what happens to their errors.

    A mistake of the user's is one line and exit code 2; a defect of ours is one line that says
    how to see the traceback, and exit code 1.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

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
    if isinstance(error, BrokenPipeError):
        return _unheard()
    if debug:
        traceback.print_exception(error)
    if isinstance(error, click.ClickException):
        return _say(_usage(error), THEIRS)
    if isinstance(error, USER_ERRORS):
        return _say(str(error), THEIRS)
    again = shlex.join(["tuner", "--debug", *words])
    return _say(f"internal error, {one_line(error)}. For the traceback: {again}", OURS)


def _say(message: str, code: int) -> int:
    click.echo(f"Error: {' '.join(message.split())}", err=True)
    return code


def _usage(error: click.ClickException) -> str:
    """Click's message, with the command that explains more."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    see = f" See: {ctx.command_path} --help" if ctx is not None else ""
    return f"{error.format_message()}{see}"


def _aborted(error: click.Abort) -> int:
    if isinstance(error.__cause__, KeyboardInterrupt):
        return 130
    click.echo("Nothing was changed.", err=True)
    return OURS


def _unheard() -> int:
    """Whoever read our output has gone, as `head` does: nothing more is written there."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OURS
