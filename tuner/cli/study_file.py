"""Studies in a file: what the options of ``launch`` say, in TOML.

    space = "mlp"
    data = "digits"
    trials = 50
    study-timeout = "2h"

    [set]
    units = "32..512:log"
    activation = ["relu", "gelu"]

A table ``[arguments]`` is for a class or function that makes an objective function. The command
line overrides the file.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any

import click

from tuner.errors import UserError, did_you_mean, quoted, shorten

SUFFIX = ".toml"
LARGEST = 1_000_000  # bytes
MOST_DOTS = 1_000  # on a line: a key of so many parts takes the parser its square


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
    ctx.default_map = _settings(ctx, value, document)
    return space


def _settings(ctx: click.Context, path: str, document: dict[str, Any]) -> dict[str, Any]:
    """The lines of the file by the options' names in Python."""
    settings: dict[str, Any] = {}
    for key, entry in document.items():
        name, setting = _setting(ctx, path, key, entry)
        if name in settings:
            raise UserError(f"{path}: expected each option once. Received: {key} under two names.")
        settings[name] = setting
    return settings


def _read(path: str) -> dict[str, Any]:
    from tuner.datasets.sources.user_files import require_file

    file = require_file(path)
    if file.stat().st_size > LARGEST:
        raise UserError(
            f"{path}: expected a study of at most {LARGEST:,} bytes. "
            f"Received: {file.stat().st_size:,}: give ranges in place of long lists."
        )
    try:
        text = file.read_text(encoding="utf-8")
        _check_dots(text, path)
        return tomllib.loads(text)
    except OSError as e:
        raise UserError(
            f"Expected a file that can be read. Received: {path} ({e.strerror})."
        ) from e
    except RecursionError as e:
        raise UserError(f"{path}: expected TOML. Received: too many brackets in brackets.") from e
    except ValueError as e:  # no TOML, or no UTF-8
        raise UserError(f"{path}: expected TOML. Received: {shorten(str(e), 120)}.") from e


def _check_dots(text: str, path: str) -> None:
    most = max(line.count(".") for line in text.split("\n"))
    if most > MOST_DOTS:
        raise UserError(
            f"{path}: expected at most {MOST_DOTS:,} dots on a line. Received: {most:,}: "
            "write it as NAME = VALUES."
        )


def _setting(ctx: click.Context, path: str, key: str, entry: Any) -> tuple[str, Any]:
    """A line of the file as an option's name in Python, and its value as it would be typed."""
    options = _options(ctx)
    option = options.get(key.replace("_", "-"))
    if option is None or option.name is None:
        hint = did_you_mean(key, [name for name, one in options.items() if not one.hidden])
        raise UserError(
            f"{path}: expected the name of an option of launch. Received: {shorten(key)}.{hint}"
        )
    if key == "set":
        return option.name, _overrides(path, entry)
    if option.name == "arguments" and isinstance(entry, dict):
        return option.name, [f"{name}={json.dumps(value)}" for name, value in entry.items()]
    if option.is_flag:
        if not isinstance(entry, bool):
            raise UserError(f"{path}: expected {key} = true or false. Received: {quoted(entry)}.")
        return option.name, entry
    if isinstance(entry, dict) or (isinstance(entry, list) and not option.multiple):
        raise UserError(f"{path}: expected one value for {key}. Received: {quoted(entry)}.")
    if option.multiple:
        return option.name, [str(one) for one in (entry if isinstance(entry, list) else [entry])]
    return option.name, str(entry)


def _options(ctx: click.Context) -> dict[str, click.Option]:
    """The options by their words without dashes, those of other tuners included."""
    return {
        flag.removeprefix("--"): option
        for option in ctx.command.params
        if isinstance(option, click.Option)
        for flag in (*option.opts, *getattr(option, "aliases", ()))
        if flag.startswith("--")
    }


def _overrides(path: str, table: Any) -> list[str]:
    if not isinstance(table, dict):
        raise UserError(f"{path}: expected a table [set] of parameters. Received: {quoted(table)}.")
    flat: dict[str, Any] = {}
    for name, values in table.items():  # TOML reads loss_weights.ink = 2 as a table in a table
        if isinstance(values, dict):
            flat |= {f"{name}.{inner}": value for inner, value in values.items()}
        else:
            flat[name] = values
    return [f"{name}={_spell(values)}" for name, values in flat.items()]


def _spell(values: Any) -> str:
    if isinstance(values, list):
        return ",".join(map(_spell, values))
    return str(values).lower() if isinstance(values, bool) else str(values)
