"""Errors that are the user's to mend, and the helpers that word them."""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable
from itertools import islice

from search_spaces.errors import (
    LONGEST_LINE,
    LONGEST_WORD,
    as_line,
    gist,
    quoted,
    shorten,
    text_of,
)

__all__ = [
    "LONGEST_LINE",
    "UserError",
    "did_you_mean",
    "exit_cause",
    "gist",
    "one_line",
    "quoted",
    "shorten",
]

LONGEST_REASON = 120  # letters of what a library says
MOST_NAMES = 10_000  # among which close ones are looked for


class UserError(Exception):
    """The user's mistake, on one line: what was expected, what was received, what to do next.

    The command line prints the message alone, without a traceback, and exits with status 2.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(as_line(message))


def one_line(error: BaseException) -> str:
    """Returns ``Type: first line of the message``: libraries write paragraphs, we print a line."""
    lines = text_of(error).strip().splitlines()
    first = shorten(lines[0].strip(), LONGEST_REASON) if lines else ""
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def exit_cause(code: int) -> str:
    """Returns ``exit code 7`` or ``signal 11 (SIGSEGV)``.

    Args:
        code: As ``Popen.returncode``: negative for a signal.
    """
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Returns `` Did you mean 'digits'?``, to be put behind a message, or nothing."""
    if len(name) > LONGEST_WORD:
        return ""
    names = (one for one in islice(names, MOST_NAMES) if len(one) <= LONGEST_WORD)
    close = difflib.get_close_matches(name, list(names), n=3)
    if not close:
        return ""
    return f" Did you mean {' or '.join(repr(match) for match in close)}?"
