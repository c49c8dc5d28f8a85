"""Where and how wide commands print for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from tuner.control_characters import escape
from tuner.errors import LONGEST_LINE, shorten

WIDE = 160  # columns of what is read by another program or kept in a file


class SafeConsole(Console):
    """A console that spells out the control characters of whatever text it is given.

    It lets the command end as it must when its reader has gone: see ``program``.
    """

    def on_broken_pipe(self) -> None:
        self.quiet = True
        raise

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(escape(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        if isinstance(renderable, Text) and escape(renderable.plain) != renderable.plain:
            renderable = _escaped(renderable)
        return super().render(renderable, options)


def _escaped(text: Text) -> Text:
    """The same text, piece by piece, so that its styles stay where they are."""
    escaped = text.blank_copy()
    for piece in text.divide(range(1, len(text))):
        escaped.append(Text(escape(piece.plain), spans=piece.spans))
    return escaped


def output() -> Console:
    """Standard output."""
    return _console(stderr=False)


def messages(as_json: bool) -> Console:
    """Standard output, or standard error where output is kept for JSON."""
    return _console(stderr=as_json)


def busy(doing: str) -> AbstractContextManager[object]:
    """Shows what takes a while, on a terminal only, and clears it away."""
    return _console(stderr=True).status(doing)


def warn(lines: Iterable[str]) -> None:
    """Prints what a user should know, on standard error."""
    for line in lines:
        warning = escape(f"Warning: {' '.join(line.split())}")
        click.echo(shorten(warning, LONGEST_LINE), err=True)


def table(*columns: str, right: tuple[str, ...] = (), whole: tuple[str, ...] = ()) -> Table:
    """An empty table.

    Args:
        columns: Their titles.
        right: Those that hold numbers, which are never cut or wrapped.
        whole: Others that are never cut or wrapped.
    """
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        number = column in right
        grid.add_column(
            column,
            justify="right" if number else "left",
            no_wrap=number or column in whole,
            overflow="fold",
        )
    return grid


def _console(*, stderr: bool) -> Console:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if terminal or "COLUMNS" in os.environ else WIDE
    return SafeConsole(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)
