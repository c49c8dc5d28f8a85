"""Addresses with a password leave the command line; others stay as they were typed."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import click
import pytest

from tests.unit.cli.conftest import Launched, Typed
from tuner.cli import main, process_list
from tuner.workers.exit_codes import URL_VARIABLE

SECRET = "postgresql://me:swordfish@127.0.0.1:1/studies"


class Replaced(Exception):
    """This process would have begun anew."""


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What it would have begun anew with."""
    with_what: list[Any] = []

    def execve(program: str, words: list[str], environment: dict[str, str]) -> NoReturn:
        with_what[:] = [program, words, environment]
        raise Replaced

    monkeypatch.setattr(os, "execve", execve)
    return with_what


WITH_STORE = [
    name
    for name, command in main.commands.items()
    if any(p.name == "storage" for p in command.params)
]


@pytest.mark.parametrize("name", WITH_STORE)
def test_every_command_hides_a_password(name: str):
    """Whichever takes the address of a store; `launch` and `worker` live for days."""
    (option,) = (p for p in main.commands[name].params if p.name == "storage")
    assert option.callback is process_list.hide_password
    assert option.is_eager
    assert {"launch", "worker", "dashboard", "status", "refit"} <= {*WITH_STORE}


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["worker", "x", "--storage", SECRET], ["worker", "x"]),
        (["worker", f"--storage={SECRET}", "x"], ["worker", "x"]),
        (["worker", "--storage", "first", "x", "--storage", SECRET], ["worker", "x"]),
        (["list", "--storage", f"{SECRET.replace('me:swordfish@', '')}?password=x"], ["list"]),
    ],
    ids=["apart", "joined", "twice", "in the query"],
)
def test_the_address_moves_into_the_environment(
    tuner: Typed,
    monkeypatch: pytest.MonkeyPatch,
    replaced: list[Any],
    words: list[str],
    left: list[str],
):
    """Python's own options, and all others, stay."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "-P", "-m", "tuner", *words])
    assert isinstance(tuner(*words).exception, SystemExit)
    program, again, environment = replaced
    assert (program, again) == (sys.executable, [sys.executable, "-P", "-m", "tuner", *left])
    assert environment[URL_VARIABLE] in " ".join(words)
    assert "127.0.0.1" in environment[URL_VARIABLE]


@pytest.mark.parametrize(
    "words",
    [("list", "--storage", "sqlite:///tuner.db"), ("list", "--storage", "postgresql://me@h:1/x")],
)
def test_an_address_without_a_password_stays(
    tuner: Typed, monkeypatch: pytest.MonkeyPatch, replaced: list[Any], words: tuple[str, ...]
):
    """There is nothing to hide."""
    monkeypatch.setattr(sys, "orig_argv", ["python", *words])
    tuner(*words)
    assert replaced == []


def test_another_program_is_left_alone(tuner: Typed, replaced: list[Any]):
    """A command that is called within it has its arguments from elsewhere."""
    assert "to answer" in tuner("list", "--storage", SECRET).stderr
    assert replaced == []


def test_what_is_suggested_still_names_the_store(
    launched: Launched, tuner: Typed, monkeypatch: pytest.MonkeyPatch
):
    """After the process began anew as much as before, but not where it came from elsewhere."""
    monkeypatch.setenv(URL_VARIABLE, "sqlite:///tuner.db")
    words = ("launch", "mlp", "--data", "digits", "--trials", "4", "--workers", "0")
    assert "--storage" not in tuner(*words).stdout
    monkeypatch.setenv(process_list.TYPED_VARIABLE, "1")
    assert "--storage sqlite:///" in tuner(*words).stdout
    assert process_list.TYPED_VARIABLE not in os.environ  # nor in that of a worker


def test_completion_runs_nothing(tuner: Typed, replaced: list[Any]):
    """A shell asks what may be typed next."""
    ctx = click.Context(main.commands["list"], resilient_parsing=True)
    main.commands["list"].parse_args(ctx, ["--storage", SECRET])
    assert replaced == []


PLACE = "sftp://me:swordfish@host/models"


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["launch", "mlp", "--data", "digits", "--artifacts", PLACE], ["launch", "mlp", "--data",
                                                                      "digits"]),
        (["gc", f"--artifacts=simplecache::{PLACE}", "--artifacts", "here"], ["gc"]),
    ],
    ids=["launch", "gc"],
)  # fmt: skip
def test_the_password_of_a_place_for_models_is_hidden_too(
    tuner: Typed,
    monkeypatch: pytest.MonkeyPatch,
    replaced: list[Any],
    words: list[str],
    left: list[str],
):
    """And is found again by the process that begins anew."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "-P", "-m", "tuner", *words])
    tuner(*words)
    _, again, environment = replaced
    assert again[4:] == left
    typed = environment[process_list.PLACES_VARIABLE]
    assert PLACE in typed
    monkeypatch.setenv(process_list.PLACES_VARIABLE, typed)
    ctx = click.Context(main.commands[words[0]])
    (option,) = (p for p in ctx.command.params if p.opts == ["--artifacts"])
    assert PLACE in str(option.process_value(ctx, None))
    assert process_list.PLACES_VARIABLE not in os.environ


@pytest.mark.parametrize("place", ["models", "s3://bucket/models", "sftp://me@host/models", "[x"])
def test_other_places_stay(
    tuner: Typed, monkeypatch: pytest.MonkeyPatch, replaced: list[Any], place: str
):
    """There is nothing to hide."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "gc", "--artifacts", place])
    tuner("gc", "--artifacts", place)
    assert replaced == []
