"""Pages of the documentation that are made from the sources when the site is built.

The command line from its own commands, the README of the shared graph, and the recipes, which
enter the navigation by lying in their folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from tuner.cli import main

HERE = Path(__file__).resolve().parent
COMMAND_LINE = "reference/command-line.md"
SHARED_GRAPH = "explanations/shared-graph.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the generated pages and the recipes to the navigation."""
    nav: list[dict[str, Any]] = config.nav or []
    sections = {name: page for item in nav for name, page in item.items()}
    sections["Reference"].insert(1, {"Command line": COMMAND_LINE})
    sections["Explanations"].append({"The shared graph": SHARED_GRAPH})
    recipes = sorted((HERE / "pages" / "recipes").glob("*.md"))
    if recipes:
        nav.append({"Recipes": [f"recipes/{path.name}" for path in recipes]})
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that no file in the folder of pages holds."""
    graph = HERE.parent / "tuner" / "training" / "shared_graph" / "README.md"
    files.append(File.generated(config, COMMAND_LINE, content=command_line()))
    files.append(File.generated(config, SHARED_GRAPH, content=graph.read_text(encoding="utf-8")))
    return files


def command_line() -> str:
    """The help of every command as Markdown."""
    parts = ["# Command line", "", "What `tuner COMMAND --help` shows, for every command.", ""]
    for name, command in sorted(main.commands.items()):
        if not command.hidden:
            parts += command_page(name, command)
    return "\n".join(parts) + "\n"


def command_page(name: str, command: click.Command) -> Iterator[str]:
    """Usage, description, options and example of one command."""
    context = click.Context(command, info_name=f"tuner {name}", parent=None)
    yield from (f"## tuner {name}", "")
    yield from ("```text", context.get_usage().removeprefix("Usage: "), "```", "")
    yield from (plain(command.help or ""), "")
    rows = [record for option in command.params if (record := option.get_help_record(context))]
    if rows:
        yield from ("| option | meaning |", "| --- | --- |")
        yield from (f"| `{cell(option)}` | {cell(text)} |" for option, text in rows)
        yield ""
    if command.epilog:
        yield from ("```text", command.epilog.replace("\b", "").strip(), "```", "")


def plain(text: str) -> str:
    """A help text whose paragraphs that Click keeps as they are become blocks of text."""
    blocks = text.split("\n\n")
    kept = [block.removeprefix("\b\n") for block in blocks]
    return "\n\n".join(
        f"```text\n{new}\n```" if new != block else block
        for block, new in zip(blocks, kept, strict=True)
    )


def cell(text: str) -> str:
    """Text in a cell of a table: a bar would end it, and angle brackets would be HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
