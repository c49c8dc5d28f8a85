"""What commands have in common: the store's address, ``--json``, and kinds of values."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from tuner.cli import completion, process_list
from tuner.cli.default_store import DEFAULT_STORE
from tuner.cli.sectioned_options import option
from tuner.errors import quoted, shorten
from tuner.workers.exit_codes import URL_VARIABLE

if TYPE_CHECKING:
    from storage.database.engine import Store

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_PIECE = re.compile(r"(\d+(?:\.\d+)?)([smhd])")

storage_option = option(
    "--storage",
    section="Store",
    metavar="URL",
    envvar=URL_VARIABLE,
    default=DEFAULT_STORE,
    show_default=True,
    is_eager=True,  # before anything takes time
    callback=process_list.hide_password,
    help=f"URL of the store; also taken from {URL_VARIABLE}.",
)
json_option = option("--json", "as_json", is_flag=True, help="Print JSON.")
study_argument = click.argument("study", metavar="STUDY", shell_complete=completion.studies)


def command(
    *examples: str, name: str | None = None, cls: type[click.Command] = click.Command
) -> Callable[..., click.Command]:
    """Makes a function a command whose help ends in examples of how to type it."""
    title = "Example" if len(examples) == 1 else "Examples"
    lines = "\n".join(f"  {example}" for example in examples)
    return click.command(name, cls, epilog=f"\b\n{title}:\n{lines}")  # \b keeps lines as they are


@contextmanager
def opened(storage: str) -> Iterator[Store]:
    """An existing store, for as long as the block lasts.

    Raises:
        StoreError: It does not answer or holds no studies; no file is made.
    """
    from storage.database.engine import open_store

    store = open_store(storage, create=False)
    try:
        yield store
    finally:
        store.close()


def typed_storage() -> str:
    """`` --storage URL``, where the user typed it, to end a command that is shown to them.

    A password is left out: nobody wants it on a screen.
    """
    ctx = click.get_current_context()
    if not process_list.was_typed(ctx):
        return ""
    from storage.database import url

    return f" --storage {shlex.quote(url.redact(url.parse(ctx.params['storage'])))}"


MOST_DIGITS = 18  # of a number: what a column of the store holds


class Duration(click.ParamType[float]):
    """A length of time such as ``90s``, ``10m``, ``1h30m``, or a number of seconds."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Returns seconds."""
        if isinstance(value, float):
            return value
        seconds = self._seconds(value.strip().lower())
        if seconds is None or not 0 < seconds < math.inf:
            self.fail(
                f"{quoted(value)} is no length of time such as 90s, 10m or 1h30m.", param, ctx
            )
        return seconds

    def _seconds(self, text: str) -> float | None:
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
        pieces = _PIECE.findall(text)
        if not pieces or "".join(number + unit for number, unit in pieces) != text:
            return None
        return sum(float(number) * _UNITS[unit] for number, unit in pieces)


class Workers(click.ParamType[Any]):
    """A number of processes, or ``auto``.

    Args:
        least: The smallest number.
    """

    name = "number or auto"

    def __init__(self, least: int = 1) -> None:
        self._least = least

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Returns the number, or ``"auto"``."""
        text = str(value).strip().lower()
        if text == "auto":
            return text
        if not text.isdecimal() or len(text) > MOST_DIGITS or int(text) < self._least:
            self.fail(f"{quoted(value)} is no number from {self._least} on, nor auto.", param, ctx)
        return int(text)


class Size(click.ParamType[int]):
    """An amount of memory such as ``500MB`` or ``2GB``, or a number of bytes."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Returns bytes, 1 or more."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?b?)", value.strip().lower())
        size = float(match[1]) * _BYTES[match[2].removesuffix("b")] if match else 0.0
        if not 1 <= size < math.inf:
            self.fail(f"{quoted(value)} is no amount of memory such as 500MB or 2GB.", param, ctx)
        return int(size)


class More(click.ParamType[int]):
    """So many more, typed ``+50`` or ``50``."""

    name = "+n"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Returns the number, 1 or more."""
        if isinstance(value, int):
            return value
        if not re.fullmatch(rf"\+?\d{{1,{MOST_DIGITS}}}", value) or int(value) < 1:
            self.fail(f"{quoted(value)} is no number of further trials such as +50.", param, ctx)
        return int(value)


class Whole(click.IntRange):
    """A whole number that every database can hold.

    Args:
        min: The smallest one.
    """

    def __init__(self, *, min: int) -> None:
        super().__init__(min=min)

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Returns the number."""
        number = int(super().convert(value, param, ctx))
        if number >= 10**MOST_DIGITS:
            self.fail(f"{shorten(str(number), 30)} has more than {MOST_DIGITS} digits.", param, ctx)
        return number


class Finite(click.ParamType[float]):
    """A number that is neither NaN nor infinite."""

    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Returns the number."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number
