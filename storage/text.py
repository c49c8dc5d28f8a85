"""Free text as every database takes it."""

from __future__ import annotations

import re

MAX_TEXT = 16_000  # characters: with four bytes each they fill MySQL's TEXT
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and such (ANSI), as Keras prints them
MAX_LINE = 2_000  # characters of what is shown as one line


def line(text: str) -> str:
    """The beginning of a text, which names the matter."""
    return _clean(text)[:MAX_LINE]


def end(text: str) -> str:
    """The end of a text, where a traceback says what went wrong and a log what came last."""
    return _clean(text)[-MAX_TEXT:]


def _clean(text: str) -> str:
    """Without colours, and what PostgreSQL and MySQL cannot store: NUL, halves of pairs."""
    return ESCAPES.sub("", text).replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
