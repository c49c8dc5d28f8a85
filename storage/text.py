"""Free text as every database takes it."""

from __future__ import annotations

MAX_TEXT = 16_000  # characters: with four bytes each they fill MySQL's TEXT
MAX_LINE = 2_000  # characters of what is shown as one line


def line(text: str) -> str:
    """The beginning of a text, which names the matter."""
    return _clean(text)[:MAX_LINE]


def end(text: str) -> str:
    """The end of a text, where a traceback says what went wrong and a log what came last."""
    return _clean(text)[-MAX_TEXT:]


def _clean(text: str) -> str:
    """Without what PostgreSQL and MySQL cannot store: NUL, and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
