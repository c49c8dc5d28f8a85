"""Where the dashboard's password comes from: never from the command line, which others can read."""

from __future__ import annotations

import os
from pathlib import Path

from tuner.errors import UserError

VARIABLE = "TUNER_DASHBOARD_PASSWORD"
SHORTEST = 8  # characters


def find_password(file: Path | None = None) -> str | None:
    """Reads the password from a file, else from the environment; None where neither names one.

    Args:
        file: Its first line counts.

    Raises:
        UserError: The file cannot be read, or the password is too short.
    """
    if file is not None:
        return checked(_first_line(file), f"{file}")
    given = os.environ.get(VARIABLE)
    return None if given is None else checked(given, VARIABLE)


def checked(password: str, source: str) -> str:
    """Returns the password if it is long enough; never shows it.

    Raises:
        UserError: It is too short.
    """
    if len(password) < SHORTEST:
        raise UserError(
            f"Expected a password of at least {SHORTEST} characters in {source}. "
            f"Received: {len(password)} characters. Choose a longer one."
        )
    return password


def _first_line(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as lines:
            return lines.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as e:
        reason = getattr(e, "strerror", None) or "it is no UTF-8 text"
        raise UserError(
            f"Expected a password on the first line of {file}. Received: {reason}. "
            f"Name a readable file, or set {VARIABLE}."
        ) from e
