"""Cleans and cuts free text so that every database accepts it."""

from __future__ import annotations

import re

MAX_TEXT = 16_000  # characters, of up to four bytes each: MySQL's TEXT has 64 kB
ESCAPES = re.compile(
    r"\x1b\[[0-9;?]*[A-Za-z]"
)  # ANSI colours and cursor movements, as Keras prints them
MAX_LINE = 2_000  # characters of a text that is shown as one line


def line(text: str) -> str:
    """Returns the beginning of a text, for a message."""
    return _clean(text)[:MAX_LINE]


def tail(text: str) -> str:
    """Returns the end of a text, which matters most in a traceback or log."""
    return _clean(text)[-MAX_TEXT:]


def _clean(text: str) -> str:
    """Removes colours, NUL and unpaired surrogates, which not every database can store."""
    return ESCAPES.sub("", text).replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
