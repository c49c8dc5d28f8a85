"""Where the dashboard's password comes from: never from the command line, which others can read."""

from __future__ import annotations

import os
import select
from pathlib import Path

from tuner.errors import UserError

VARIABLE = "TUNER_DASHBOARD_PASSWORD"
SHORTEST = 8  # characters
LONGEST = 10_000  # of a first line
WAIT = 5.0  # seconds for whoever writes to a pipe


def find_password(file: Path | None = None) -> str | None:
    """Reads the password from a file, else from the environment; None where neither names one.

    Args:
        file: Its first line counts.

    Raises:
        UserError: The file cannot be read, or the password is too short.
    """
    if file is not None:
        return checked(_first_line(file), f"{file}")
    password = os.environ.get(VARIABLE)
    return None if password is None else checked(password, VARIABLE)


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
        # Shells give the output of a program as a pipe; from one that nobody writes to comes none.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, encoding="utf-8") as lines:
            if not select.select([descriptor], [], [], WAIT)[0]:
                raise UserError(
                    f"Expected a password on the first line of {file}. Received: nothing for "
                    f"{WAIT:.0f} seconds: is it a pipe that nobody writes to?"
                )
            os.set_blocking(descriptor, True)
            line = lines.readline(LONGEST)
            if len(line) == LONGEST:
                raise UserError(
                    f"Expected a password on the first line of {file}. Received: {LONGEST:,} "
                    "characters or more: is it text?"
                )
            return line.rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as e:
        reason = getattr(e, "strerror", None) or "it is no UTF-8 text"
        raise UserError(
            f"Expected a password on the first line of {file}. Received: {reason}. "
            f"Name a readable file, or set {VARIABLE}."
        ) from e
