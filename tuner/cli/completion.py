"""What a shell offers at the TAB key: names that this machine and the store know.

Nothing here imports TensorFlow, runs the user's code or says anything: what cannot be found out in
a moment is not offered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

PATIENCE = 2.0  # seconds for a server to answer, our imports included

Items = list[CompletionItem]


def _items(names: Iterable[str], incomplete: str) -> Items:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _files_too(names: Iterable[str], incomplete: str) -> Items:
    """The names; where none fits, the shell's own completion of files."""
    return _items(names, incomplete) or [CompletionItem(incomplete, type="file")]


def _silent(names: Callable[[], Iterable[str]]) -> list[str]:
    """The names, or none where they cannot be found out."""
    with suppress(Exception):
        return list(names())
    return []


def studies(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The studies of the store."""
    from tuner.cli.default_store import DEFAULT_STORE

    storage = ctx.params.get("storage") or DEFAULT_STORE
    if storage.startswith("sqlite:"):
        return _items(_silent(lambda: _studies_of(storage)), incomplete)
    names: list[str] = []
    # A server that is away may let a connection wait for long: it is asked beside us.
    ask = threading.Thread(
        target=lambda: names.extend(_silent(lambda: _studies_of(storage))), daemon=True
    )
    ask.start()
    ask.join(PATIENCE)
    return _items(list(names), incomplete)


def _studies_of(storage: str) -> list[str]:
    from storage.database.engine import open_if_there
    from storage.studies import list_studies

    store = open_if_there(storage)
    if store is None:
        return []
    try:
        return [study.name for study in list_studies(store)]
    finally:
        store.close()


def spaces(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The families, and files."""
    from search_spaces.catalog import FAMILIES

    return _files_too(FAMILIES, incomplete)


def data_sets(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The data sets that come along, and files."""
    from tuner.datasets import NAMES

    return _files_too(NAMES, incomplete)


def overrides(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The parameters of the family that was typed; behind ``=``, the values of a list."""
    # Click, which waits for the value of --set, has not given the arguments their names.
    typed = (ctx.params.get("space"), ctx.params.get("name"), *ctx.args)
    space = next(filter(None, typed), "")
    return _items(_silent(lambda: _settings(space, incomplete)), incomplete)


def _settings(space: str, incomplete: str) -> list[str]:
    from search_spaces import catalog
    from search_spaces.parameters.choices import Choice
    from search_spaces.parameters.literals import format_value

    if space not in catalog.FAMILIES:
        return []  # the user's code may take long, and import TensorFlow
    parameters = catalog.load(space).parameters
    name, equals, _ = incomplete.partition("=")
    if not equals:
        return [f"{one}=" for one in parameters]
    parameter = parameters[name]
    if not isinstance(parameter, Choice):
        return []
    return [f"{name}={format_value(value)}" for value in parameter.values]


def samplers(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The samplers."""
    from tuner.search.samplers import SAMPLERS

    return _items(SAMPLERS, incomplete)


def pruners(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The pruners."""
    from tuner.search.pruners import PRUNERS

    return _items(PRUNERS, incomplete)


def tasks(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The tasks."""
    from tuner.cli.other_words import TASKS

    return _items(TASKS, incomplete)


def scalings(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The scalings."""
    from tuner.datasets import SCALINGS

    return _items(SCALINGS, incomplete)


def precisions(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The policies of Keras that models can compute under."""
    from tuner.studies.study_spec import PRECISIONS

    return _items(PRECISIONS, incomplete)
