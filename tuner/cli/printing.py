"""Lines for a person; a module of its own, since not every command needs tables."""

from __future__ import annotations

import click

from tuner.control_characters import escape


def say(text: str = "", *, err: bool = False) -> None:
    """Prints a line; control characters in it, which others may have put there, are spelt out."""
    click.echo(escape(text), err=err)
