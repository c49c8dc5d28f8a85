"""The README and the command line cannot drift apart, and CI runs what the README says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.support.documents import ci_lines, shown_commands
from tests.support.sources import ROOT
from tuner.cli import main

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md") if path.exists()]


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something, `("launch",)`."""
    if not isinstance(command, click.Group):
        yield path
        return
    for name, child in command.commands.items():
        if not child.hidden:
            yield from leaves(child, (*path, name))


def unknown_words(words: list[str]) -> list[str]:
    """Those words of a shown command that the command line would not accept."""
    command: click.Command = main
    unknown = []
    options = option_names(command)
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            child = command.commands.get(word)
            if child is None:
                if word.isupper():  # a placeholder: `tuner COMMAND --help`
                    continue
                return [*unknown, word]
            command, options = child, option_names(child)
        elif word.startswith("-") and not re.fullmatch(r"-[\d.]+", word):
            name = word.partition("=")[0]
            if name not in options:
                unknown.append(name)
    return unknown


def option_names(command: click.Command) -> set[str]:
    """The options that a command takes, `--help` included."""
    parameters = command.get_params(click.Context(command))
    return {name for option in parameters for name in (*option.opts, *option.secondary_opts)}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_command_and_option_shown_exists(page: Path):
    """Whatever a page shows can be typed."""
    shown = list(shown_commands(page.read_text(encoding="utf-8")))
    wrong = {" ".join(words): unknown_words(words) for words in shown}
    assert not {command: words for command, words in wrong.items() if words}


@pytest.mark.parametrize("path", list(leaves(main)), ids=" ".join)
def test_every_command_is_in_the_readme(path: tuple[str, ...]):
    """Nobody has to guess that a command exists."""
    assert any(tuple(words[: len(path)]) == path for words in shown_commands(README))


@pytest.mark.parametrize("path", list(leaves(main)), ids=" ".join)
def test_every_command_has_a_help_line_and_an_example_that_is_true(path: tuple[str, ...]):
    """`--help` shows how to type it, with words that exist."""
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    text = (command.help or "") + (command.epilog or "")
    assert "Example" in text
    examples = [line.strip() for line in text.splitlines() if line.strip().startswith("tuner ")]
    assert examples
    for example in examples:
        assert not unknown_words(next(shown_commands(f"`{example}`"))), example


@pytest.mark.parametrize("name", ["main job", "tests"])
def test_ci_runs_a_line_of_the_readme(name: str):
    """Each marker stands over one single line, which is what `.ci/run` runs."""
    assert len(ci_lines(README)[name].splitlines()) == 1
    assert f'readme_line "{name}"' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_unknown_words_are_noticed():
    """The check itself can fail."""
    assert unknown_words(["fly"]) == ["fly"]
    assert unknown_words(["launch", "--wings=2", "--trials", "20"]) == ["--wings"]
