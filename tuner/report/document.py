"""What a report says, before it is HTML or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of plain text.

    Attributes:
        right: Columns that hold numbers.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure with what it shows in a few words, for those who cannot see it.

    Attributes:
        figure: A ``plotly.graph_objects.Figure``.
        height: Pixels on a page.
        ratio: Height of an image divided by its width, so that it is not in the middle of an empty
            space where the page is narrow; None for a figure that takes any height.
    """

    figure: Any
    alt: str
    height: int = 380
    ratio: float | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with what stands under it; plain text throughout.

    Attributes:
        layout: How its pictures stand: one below the other, side by side where there is room
            (``"grid"``), or never narrower than they can be read (``"wide"``).
    """

    title: str
    text: Sequence[str] = ()
    table: Table | None = None
    pictures: Sequence[Picture] = ()
    layout: Literal["column", "grid", "wide"] = "column"


@dataclass(frozen=True, kw_only=True)
class Document:
    """A whole report.

    Attributes:
        verdict: What somebody in a hurry has to know.
        tiles: Labels with the few numbers that matter most.
        footer: Where it comes from.
    """

    title: str
    subtitle: str
    verdict: str
    tiles: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    footer: str
