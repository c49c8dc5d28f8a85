"""A document as Markdown with PNG pictures beside it, for a repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tuner.control_characters import escape
from tuner.models.output_files import replace_file
from tuner.report.document import Document, Picture, Section, Table
from tuner.report.png import render


def pictures_folder(output: Path) -> Path:
    """Where the pictures of a Markdown file lie."""
    return output.with_name(f"{output.stem}-pictures")


def write_markdown(document: Document, output: Path) -> None:
    """Writes the file, and its pictures to a folder beside it.

    Raises:
        UserError: There is no browser to draw them, or the place cannot be written.
    """
    folder = pictures_folder(output)
    drawn = [picture for section in document.sections for picture in section.pictures]
    names = {id(picture): f"{i:02d}-{_slug(picture.alt)}.png" for i, picture in enumerate(drawn, 1)}
    images = render(drawn)
    folder.mkdir(exist_ok=True)
    for picture, image in zip(drawn, images, strict=True):
        replace_file(folder / names[id(picture)], image)
    links = {key: f"{folder.name}/{name}" for key, name in names.items()}
    replace_file(output, "\n\n".join(_blocks(document, links)).encode() + b"\n")


def _slug(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))[:40]


def _blocks(document: Document, links: dict[int, str]) -> Iterator[str]:
    yield f"# {_safe(document.title)}"
    yield _safe(document.subtitle)
    yield f"**{_safe(document.verdict)}**"
    yield _table(Table(columns=("", "value"), rows=document.tiles))
    for section in document.sections:
        yield from _section(section, links)
    yield f"<sub>{_safe(document.footer)}</sub>"


def _section(section: Section, links: dict[int, str]) -> Iterator[str]:
    yield f"## {_safe(section.title)}"
    yield from map(_safe, section.text)
    if section.table is not None:
        yield _table(section.table)
    yield from (_image(picture, links[id(picture)]) for picture in section.pictures)


def _image(picture: Picture, link: str) -> str:
    return f"![{_safe(picture.alt)}](<{link}>)"


def _table(table: Table) -> str:
    rule = ["---:" if column in table.right else "---" for column in table.columns]
    lines = [map(_safe, table.columns), rule, *(map(_safe, row) for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _safe(text: str) -> str:
    """The text as it is, whatever characters of Markdown or HTML are in it."""
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", escape(" ".join(text.split())))
