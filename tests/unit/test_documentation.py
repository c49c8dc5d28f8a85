"""README, documentation and command line cannot drift apart; CI runs what the README says."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import tuner
from tests.support.documents import ci_lines, shown_commands
from tests.support.sources import ROOT
from tests.support.typed import Typed
from tuner.cli import main
from tuner.cli.launch_options import LaunchOptions

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs" / "pages").rglob("*.md")),
]
GIVEN = {"x", "y", "rows"}  # what the text around a block of Python calls the reader's own


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in a language, in their order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def pages_with(language: str) -> list[Path]:
    """The pages that have such a block."""
    return [page for page in PAGES if blocks(page, language)]


def page_name(page: Path) -> str:
    """The path of a page, which names a test."""
    return page.relative_to(ROOT).as_posix()


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


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_command_and_option_shown_exists(page: Path):
    """Whatever a page shows can be typed."""
    shown = list(shown_commands(page.read_text(encoding="utf-8")))
    wrong = {" ".join(words): unknown_words(words) for words in shown}
    assert not {command: words for command, words in wrong.items() if words}


@pytest.mark.parametrize("path", list(leaves(main)), ids=" ".join)
def test_every_command_is_in_the_list_of_commands(path: tuple[str, ...]):
    """Nobody has to guess that a command exists."""
    page = ROOT / "docs" / "pages" / "reference" / "commands.md"
    shown = shown_commands(page.read_text(encoding="utf-8"))
    assert any(tuple(words[: len(path)]) == path for words in shown)


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


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_the_studies_of_a_page_have_names_of_their_own(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Typed one after the other, no command is refused for a study that another one made.

    Blocks of TOML are read on the way, as the study file that their page launches.
    """
    monkeypatch.chdir(tmp_path)
    for block in blocks(page, "toml"):
        Path("study.toml").write_text(block)
    launches = {
        tuple(word for word in words[1:] if word not in LOOKING_ONLY)
        for words in shown_commands(page.read_text(encoding="utf-8"))
        if words[:1] == ["launch"] and ("--data" in words or "study.toml" in words)
    }
    first = [launch for launch in launches if not is_shorter_form(launch, launches)]
    names = [study_of(list(words)) for words in first]
    assert sorted(names) == sorted(set(names))


LOOKING_ONLY = {"--dry-run"}


def is_shorter_form(launch: tuple[str, ...], launches: set[tuple[str, ...]]) -> bool:
    """Whether another line is this one with more options behind, as after a dry run."""
    return any(other != launch and other[: len(launch)] == launch for other in launches)


@pytest.mark.parametrize("page", pages_with("toml"), ids=page_name)
def test_every_study_file_is_read(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What a page shows as TOML is a study that can be launched."""
    monkeypatch.chdir(tmp_path)
    for block in blocks(page, "toml"):
        if "project" in tomllib.loads(block):  # of a package, for its own pyproject.toml
            continue
        Path("study.toml").write_text(block)
        assert study_of(["study.toml"])


def test_study_files_and_python_are_found():
    """The checks look at something."""
    assert pages_with("toml")
    assert len(pages_with("python")) >= 6


@pytest.mark.parametrize("page", pages_with("python"), ids=page_name)
def test_every_name_in_python_exists(page: Path):
    """Blocks of a page compile, and take no name from nowhere: one block may use another's."""
    trees = [ast.parse(block, page.name) for block in blocks(page, "python")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    bound = {*dir(builtins), *GIVEN}
    used = set()
    for node in nodes:
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    assert not used - bound
    assert not [text for node in nodes for text in unknown_attributes(node)]


def unknown_attributes(node: ast.AST) -> Iterator[str]:
    """What a node takes from this project's packages, or from a study, that they do not have."""
    if isinstance(node, ast.ImportFrom) and node.module in ("search_spaces", "tuner"):
        module = importlib.import_module(node.module)
        yield from (alias.name for alias in node.names if not hasattr(module, alias.name))
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = {"tuner": tuner, "study": tuner.Study}.get(node.value.id)
        if owner is not None and not hasattr(owner, node.attr):
            yield f"{node.value.id}.{node.attr}"


def test_the_table_of_the_tutorial_can_be_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its Python is run, and its first line of `launch` makes a study of what that wrote."""
    page = ROOT / "docs" / "pages" / "tutorial.md"
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUNER_STORAGE", raising=False)
    typed = Typed(tmp_path)
    (block,) = blocks(page, "python")
    exec(compile(block, page.name, "exec"), {})
    words = next(w for w in shown_commands(page.read_text(encoding="utf-8")) if "--trials" in w)
    result = typed(*words, "--workers", "0")
    assert result.exit_code == 0, result.stderr
    assert "task regression" in result.stdout + result.stderr
    assert "10 columns (9 numbers, 1 category)" in result.stdout + result.stderr


LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=page_name)
def test_every_link_into_the_repository_leads_to_a_file(page: Path):
    """MkDocs checks its own pages; these are read where the code is."""
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_ci_builds_the_documentation():
    """In strict mode: a link to nowhere fails."""
    assert "mkdocs build --strict" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def study_of(words: list[str]) -> str:
    """The name of the study that these words would make."""
    command = main.commands["launch"]
    return LaunchOptions.of(command.make_context("launch", words).params).request().study
