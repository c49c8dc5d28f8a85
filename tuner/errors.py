"""Errors that are the user's to mend, and the helpers that word them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# Lines in which TensorFlow says where in a graph an error arose.
GRAPH_PLACE = re.compile(r"\s|Detected at |<stack traces|\[\[|Hint:|Traceback")


class UserError(Exception):
    """The user's mistake, on one line: what was expected, what was received, what to do next.

    The command line prints the message alone, without a traceback, and exits with status 2.
    """


def one_line(error: BaseException) -> str:
    """Returns ``Type: first line of the message``: libraries write paragraphs, we print a line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__


def gist(error: BaseException) -> str:
    """An error's message on one line.

    TensorFlow tells first, at length, where in its graph an error arose: that is left out.
    """
    message = str(error)
    if message.startswith("Graph execution error"):
        told = [line for line in message.splitlines()[1:] if line and not GRAPH_PLACE.match(line)]
        message = told[0] if told else message
    return " ".join(message.split())


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns `` Did you mean 'digits'?``, to be put behind a message, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=3)
    if not close:
        return ""
    return f" Did you mean {' or '.join(repr(match) for match in close)}?"
