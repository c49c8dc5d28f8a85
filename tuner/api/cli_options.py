"""What is said in Python, as it is typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from tuner.cli.launch_options import LaunchOptions
from tuner.errors import UserError


def typed_options(space: str, options: Mapping[str, Any]) -> LaunchOptions:
    """The record that the command line makes of these options: its names, checks and defaults.

    Raises:
        UserError: An option does not exist, or has a value that makes no sense.
    """
    from tuner.cli.launch_commands import launch as command

    opposites = {one.opts[0]: one.secondary_opts[0] for one in command.params if one.secondary_opts}
    arguments = [word for name, value in options.items() for word in _words(name, value, opposites)]
    try:
        context = command.make_context("tuner.launch", [*arguments, "--", str(space)])
    except click.ClickException as e:
        raise UserError(e.format_message()) from e
    if context.params["dry_run"]:
        raise UserError("Expected options that make a study. Received: dry_run: it is typed.")
    return LaunchOptions.of(context.params)


def _words(name: str, value: Any, opposites: Mapping[str, str]) -> list[str]:
    """An option as it is typed: ``set={"units": [32, 64]}`` is ``--set units=32,64``.

    Args:
        opposites: What is typed for False, by flag; of other flags nothing is.
    """
    flag = f"--{name.replace('_', '-')}"
    if name == "impute" and isinstance(value, bool):  # whose default is neither
        return [f"{flag}={'yes' if value else 'no'}"]
    if value is False:
        return [opposites[flag]] if flag in opposites else []
    if value is None:
        return []
    if value is True:
        return [flag]
    if isinstance(value, Mapping):
        value = [f"{key}={_listed(item)}" for key, item in value.items()]
    values = value if isinstance(value, (list, tuple)) else [value]
    return [f"{flag}={item}" for item in values]


def _listed(value: Any) -> str:
    from search_spaces.parameters.literals import format_value

    if isinstance(value, (list, tuple)):
        return ",".join(map(_listed, value))
    return value if isinstance(value, str) else format_value(value)


def option(name: str, value: object) -> list[str]:
    """``--name value``; nothing for None."""
    return [] if value is None else [name, str(value)]


def final(force: bool, threads: int | None) -> list[str]:
    """What commands that write a last model have in common."""
    return [*(["--force"] if force else []), *option("--threads", threads)]
