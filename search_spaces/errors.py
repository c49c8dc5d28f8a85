"""The one error of this package, the hint that ends it, and the blame for users' code."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class SpaceError(ValueError):
    """A space, parameter or override that cannot be used. One line, and it names the fix."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns `` Did you mean ...?`` for a misspelt word, or nothing where none is close."""
    matches = difflib.get_close_matches(word, list(known))
    return f" Did you mean {' or '.join(matches)}?" if matches else ""


@contextmanager
def blame(what: str, path: str) -> Iterator[None]:
    """Turns whatever users' code raises into a `SpaceError` that shows the line of their file.

    Args:
        what: what was being done, such as ``build() of net``.
        path: the user's file. The innermost line of it is shown, even if Keras raised.
    """
    try:
        yield
    except SpaceError as e:
        if not _lines(e, path):
            raise
        raise SpaceError(f"{e} ({_lines(e, path)[-1]})") from e
    except (Exception, SystemExit) as e:  # whatever users' code does
        message = " ".join(str(e).split())
        places = _lines(e, path) or _lines(e)
        raise SpaceError(f"{what} raised {type(e).__name__}: {message} ({places[-1]})") from e


def _lines(error: BaseException, path: str | None = None) -> list[str]:
    """Returns where an error passed, outermost first: ``file:line``, of one file or of all."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return [f"{error.filename}:{error.lineno}"]
    return [
        f"{frame.filename}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if path in (None, frame.filename) and not frame.filename.startswith("<frozen ")
    ]
