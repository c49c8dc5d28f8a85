"""Keeps passwords out of the process list, which shows arguments to everybody.

They are those in the addresses of a store, of a place for models and of a past study.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import click

from tuner.workers.exit_codes import URL_VARIABLE

OPTION = "--storage"
# Tells the process that begins anew that its address was typed, not found in the environment.
TYPED_VARIABLE = "TUNER_STORAGE_TYPED"
PLACES_OPTION = "--artifacts"
PLACES_VARIABLE = "TUNER_ARTIFACTS_TYPED"  # what was typed, as JSON
PAST_OPTION, PAST_VARIABLE = "--like", "TUNER_LIKE_TYPED"
TYPED = "tuner.storage was typed"  # among what belongs to a context


def hide_password(ctx: click.Context, _option: click.Parameter, storage: str) -> str:
    """Begins this process anew if an address with a password was typed.

    The address goes into the environment, which only the same user can see. Nothing is done
    inside another program, whose arguments these are not.
    """
    typed = ctx.get_parameter_source("storage") is click.core.ParameterSource.COMMANDLINE
    if os.environ.pop(TYPED_VARIABLE, None) or typed:
        ctx.meta[TYPED] = True
    if typed and not ctx.resilient_parsing and _is_secret(storage):
        _begin_anew(OPTION, {URL_VARIABLE: storage, TYPED_VARIABLE: "1"})
    return storage


def hide_places(ctx: click.Context, _option: click.Parameter, places: Any) -> Any:
    """Begins this process anew if an address with a password was typed as a place for models.

    Args:
        places: A text, or several where the option may be repeated.
    """
    return _hide(ctx, places, PLACES_OPTION, PLACES_VARIABLE)


def hide_past(ctx: click.Context, _option: click.Parameter, past: tuple[str, ...]) -> Any:
    """Begins this process anew if an address with a password was typed as a past study."""
    return _hide(ctx, past, PAST_OPTION, PAST_VARIABLE)


def _hide(ctx: click.Context, places: Any, option: str, variable: str) -> Any:
    hidden = os.environ.pop(variable, None)
    if hidden is not None:
        typed = json.loads(hidden)
        return typed if isinstance(typed, str) else tuple(typed)
    addresses = (places,) if isinstance(places, str) else places or ()
    if not ctx.resilient_parsing and any(map(_has_password, addresses)):
        of_store = {TYPED_VARIABLE: "1"} if was_typed(ctx) and URL_VARIABLE in os.environ else {}
        _begin_anew(option, {variable: json.dumps(places), **of_store})
    return places


def _begin_anew(option: str, variables: Mapping[str, str]) -> None:
    """Replaces this process by one without an option, unless the words are another program's."""
    words = sys.orig_argv[1:]
    others = list(_others(words, option))
    if others != words:
        os.execve(sys.executable, [sys.executable, *others], {**os.environ, **variables})


def _has_password(address: str) -> bool:
    """Whether an address holds a password; one may stand in another, as ``simplecache::s3://``."""
    if address.startswith("optuna:"):
        return _is_secret(address.removeprefix("optuna:"))
    try:
        return any(urlsplit(part).password for part in address.split("::"))
    except ValueError:
        return False


def was_typed(ctx: click.Context) -> bool:
    """Whether the user typed the store's address."""
    return TYPED in ctx.meta


def _is_secret(storage: str) -> bool:
    from storage.database import url
    from storage.errors import StoreError

    try:
        return url.is_secret(url.parse(storage))
    except StoreError:
        return False  # the command will say so, and end


def _others(words: Iterable[str], option: str) -> Iterator[str]:
    """All words but the option and its value, however often it was typed."""
    rest = iter(words)
    for word in rest:
        if word == option:
            next(rest, None)
        elif not word.startswith(f"{option}="):
            yield word
