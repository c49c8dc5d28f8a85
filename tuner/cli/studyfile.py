"""Studies in a file: what the options of ``launch`` say, in TOML.

    space = "mlp"
    data = "digits"
    trials = 50
    study-timeout = "2h"

    [set]
    units = "32..512:log"
    activation = ["relu", "gelu"]

What is typed beside the file's name goes before what is in it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

from tuner.errors import UserError, did_you_mean

SUFFIX = ".toml"


def read_study(ctx: click.Context, argument: click.Parameter, value: str) -> str:
    """Takes a file's values as defaults of the options, where SPACE names a file of this kind.

    Returns:
        The space: what was typed, or what the file names.

    Raises:
        UserError: The file cannot be read, or says what no option says.
    """
    if not value.endswith(SUFFIX):
        return value
    document = _read(value)
    space = document.pop("space", None)
    if not isinstance(space, str):
        raise UserError(f'{value}: expected a search space, such as space = "mlp". Add the line.')
    ctx.default_map = {
        name: setting
        for key, given in document.items()
        for name, setting in [_setting(ctx, value, key, given)]
    }
    return space


def _read(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as e:
        raise UserError(
            f"Expected a file that can be read. Received: {path} ({e.strerror})."
        ) from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise UserError(f"{path}: expected TOML. Received: {e}.") from e


def _setting(ctx: click.Context, path: str, key: str, given: Any) -> tuple[str, Any]:
    """A line of the file as an option's name in Python, and its value as it would be typed."""
    options = {
        flag.removeprefix("--"): option
        for option in ctx.command.params
        if isinstance(option, click.Option)
        for flag in option.opts
        if flag.startswith("--")
    }
    option = options.get(key.replace("_", "-"))
    if option is None or option.name is None:
        hint = did_you_mean(key, options)
        raise UserError(f"{path}: expected the name of an option of launch. Received: {key}.{hint}")
    if key == "set":
        return option.name, _overrides(path, given)
    if option.is_flag:
        if not isinstance(given, bool):
            raise UserError(f"{path}: expected {key} = true or false. Received: {given!r}.")
        return option.name, given
    if isinstance(given, dict) or (isinstance(given, list) and not option.multiple):
        raise UserError(f"{path}: expected one value for {key}. Received: {given!r}.")
    if option.multiple:
        return option.name, [str(one) for one in (given if isinstance(given, list) else [given])]
    return option.name, str(given)


def _overrides(path: str, table: Any) -> list[str]:
    if not isinstance(table, dict):
        raise UserError(f"{path}: expected a table [set] of parameters. Received: {table!r}.")
    return [f"{name}={_spell(values)}" for name, values in table.items()]


def _spell(values: Any) -> str:
    if isinstance(values, list):
        return ",".join(map(_spell, values))
    return str(values).lower() if isinstance(values, bool) else str(values)
