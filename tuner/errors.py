"""Errors that are the user's to mend, and the two helpers that word them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """The user's mistake, on one line: what was expected, what was received, what to do next.

    The command line prints the message alone, without a traceback, and exits with status 2.
    """


def one_line(error: BaseException) -> str:
    """Returns ``Type: first line of the message``: libraries write paragraphs, we print a line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns `` Did you mean 'digits'?``, to be put behind a message, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=3)
    if not close:
        return ""
    return f" Did you mean {' or '.join(repr(match) for match in close)}?"
