"""Where and how wide commands print for people."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager

from rich.console import Console
from rich.table import Table

WIDE = 160  # columns of what is read by another program or kept in a file


def output() -> Console:
    """Standard output."""
    return _console(stderr=False)


def messages(as_json: bool) -> Console:
    """Standard output, or standard error where output is kept for JSON."""
    return _console(stderr=as_json)


def busy(doing: str) -> AbstractContextManager[object]:
    """Shows what takes a while, on a terminal only, and clears it away."""
    return _console(stderr=True).status(doing)


def table(*columns: str, right: tuple[str, ...] = (), whole: tuple[str, ...] = ()) -> Table:
    """An empty table.

    Args:
        columns: Their titles.
        right: Those that hold numbers, which are never cut or wrapped.
        whole: Others that are never cut or wrapped.
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        number = column in right
        made.add_column(
            column,
            justify="right" if number else "left",
            no_wrap=number or column in whole,
            overflow="fold",
        )
    return made


def _console(*, stderr: bool) -> Console:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if terminal or "COLUMNS" in os.environ else WIDE
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)
