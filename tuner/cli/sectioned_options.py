"""Options with a section of their own in ``--help``, and with other words for the same."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, NoReturn, TypeVar

import click

from tuner.cli.other_words import YesNo
from tuner.errors import UserError

Command = TypeVar("Command", bound=Callable[..., Any])

SECTIONS = ("Data", "Search", "Training", "Limits", "Workers", "Store", "Other")


class SectionedOption(click.Option):
    """An option that stands in a section of ``--help``.

    Args:
        section: One of ``SECTIONS``.
        aliases: Words that are understood, too, and shown nowhere: those of earlier versions and
            of other tuners.
        registry: ``module:attribute`` of a registry, whose names stand for ``{names}`` in the help;
            they are looked up when help is shown.
    """

    def __init__(
        self,
        *args: Any,
        section: str = "Other",
        aliases: Sequence[str] = (),
        registry: str | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(kwargs.get("type"), click.IntRange):
            kwargs.setdefault("metavar", "N")  # INTEGER RANGE takes the room of what is said
        super().__init__(*args, **kwargs)
        self.section, self.aliases, self._registry = section, list(aliases), registry

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Returns the option and its help, with the names."""
        if self._registry is not None:
            module, _, attribute = self._registry.partition(":")
            *names, last = getattr(importlib.import_module(module), attribute)
            self.help = (self.help or "").replace("{names}", f"{', '.join(names)} or {last}")
        return super().get_help_record(ctx)

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Lets the parser know the aliases; ``opts``, which help shows, stays without them."""
        super().add_to_parser(parser, ctx)
        if self.aliases:
            action = "append" if self.multiple else "store"
            parser.add_option(
                obj=self, opts=self.aliases, dest=self.name, action=action, nargs=self.nargs
            )


class SectionedCommand(click.Command):
    """A command whose help shows its options in sections."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses what was typed; ``--impute SPACE`` is the option without a value, and a space."""
        return super().parse_args(ctx, self._with_values(ctx, args))

    def _with_values(self, ctx: click.Context, args: list[str]) -> list[str]:
        optional = {
            name: parameter
            for parameter in self.get_params(ctx)
            if isinstance(parameter.type, YesNo)
            for name in parameter.opts
        }
        return [
            f"{word}=yes" if word in optional and not _is_value(following) else word
            for word, following in zip_longest(args, args[1:], fillvalue="")
        ]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in SECTIONS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                sections[getattr(parameter, "section", "Other")].append(record)
        for name, records in sections.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)


def _is_value(word: str) -> bool:
    return word.lower() in YesNo.words


def option(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    """``click.option`` with ``section`` and ``aliases``."""
    return click.option(*names, cls=SectionedOption, **attributes)


def add_options(
    *options: Callable[[Command], Command],
) -> Callable[[Command], Command]:
    """Adds options to a command, in the order in which they are given."""

    def add(command: Command) -> Command:
        for one in reversed(options):
            command = one(command)
        return command

    return add


def refused_option(name: str, expected: str) -> Callable[[Command], Command]:
    """An option of other tuners that we have in another place: typed, it says where.

    Args:
        name: The option, such as ``--epochs``.
        expected: What to type in its place, with ``{value}`` for what was typed.
    """

    def refuse(ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
        if value is not None and not ctx.resilient_parsing:
            _refuse(name, expected, value)

    return click.option(
        name,
        is_flag=False,
        flag_value="",  # --gpus may come without a value
        hidden=True,
        is_eager=True,  # before another mistake is told
        expose_value=False,
        callback=refuse,
    )


def _refuse(name: str, expected: str, value: str) -> NoReturn:
    typed = f"{name} {value}".strip()
    raise UserError(f"Expected {expected.format(value=value or 'N')}. Received: {typed}.")
