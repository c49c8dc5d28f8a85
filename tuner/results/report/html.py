"""A document as one HTML file that needs no network: plotly.js stands in it once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape

from plotly.io import to_json
from plotly.offline import get_plotlyjs

from tuner.results.report.document import Document, Picture, Section, Table
from tuner.results.report.style import FONT

MANY = 4  # columns that do not stand side by side in a narrow window
CONFIG = {"displayModeBar": False, "responsive": True}
# Drawn once the whole page is laid out: before that nobody knows how wide a figure may be.
DRAW = """
for (const place of document.querySelectorAll("[data-figure]")) {
  const {data, layout} = JSON.parse(place.querySelector("script").textContent);
  Plotly.newPlot(place, data, layout, %s);
}
"""
# Nothing is fetched, whatever stands in the page.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
STYLE = f"""
:root {{ --paper: #f4f6f9; --card: #fff; --ink: #1c2733; --faint: #5b6b7c; --line: #dde3ea;
  --accent: #0c6198; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 {FONT}; }}
main {{ max-width: 76rem; margin: 0 auto; padding: 2.5rem 1.25rem 3rem; }}
header {{ margin-bottom: 1.5rem; }}
header p {{ margin: 0; color: var(--faint); overflow-wrap: anywhere; }}
h1 {{ margin: 0 0 .25rem; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }}
h2 {{ margin: 0 0 .4rem; font-size: 1.15rem; }}
header .verdict {{ margin: 1.1rem 0 0; padding-left: 1rem; border-left: 4px solid var(--accent);
  color: var(--ink); font-size: 1.15rem; max-width: 62rem; }}
dl {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem;
  margin: 0 0 1.5rem; }}
dl div, section {{ background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }}
dl div {{ padding: .8rem 1rem; }}
dt {{ color: var(--faint); font-size: .85rem; line-height: 1.3; }}
dd {{ margin: .15rem 0 0; font-size: 1.35rem; font-weight: 600;
  font-variant-numeric: tabular-nums; }}
section {{ padding: 1.25rem 1.4rem; margin: 0 0 1rem; }}
section > p {{ margin: 0 0 .5rem; color: var(--faint); max-width: 62rem;
  overflow-wrap: anywhere; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin-top: .5rem; font-size: .92rem; }}
th {{ text-align: left; color: var(--faint); font-weight: 500; }}
th, td {{ padding: .3rem 1.4rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }}
tr:last-child td {{ border-bottom: 0; }}
td {{ overflow-wrap: break-word; max-width: 34rem; }}
td:last-child {{ max-width: 48rem; padding-right: 0; }}
th.right, td.right {{ text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }}
figure {{ margin: .5rem 0 0; min-width: 0; }}
.grid {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr));
  gap: .5rem 1.25rem; }}
.wide {{ overflow-x: auto; }}
.wide figure {{ min-width: 56rem; }}
footer {{ color: var(--faint); font-size: .85rem; }}
@media (max-width: 40rem) {{ main {{ padding: 1.25rem .75rem 2rem; }}
  section {{ padding: 1rem; }} h1 {{ font-size: 1.5rem; }}
  td {{ overflow-wrap: anywhere; }}
  .many, .many tbody, .many tr, .many td {{ display: block; }}
  .many thead {{ display: none; }}
  .many tr {{ padding: .5rem 0; border-bottom: 1px solid var(--line); }}
  .many td, .many td.right {{ padding: 0; border: 0; text-align: left; white-space: normal; }}
  .many td::before {{ content: attr(data-name) " "; color: var(--faint); }} }}
@media print {{ section {{ break-inside: avoid; }} body {{ background: #fff; }} }}
"""


def page(document: Document) -> str:
    """The whole file."""
    sections = "\n".join(_section(section) for section in document.sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(document.title)}</title>
<style>{STYLE}</style>
<script>{get_plotlyjs()}</script>
</head>
<body>
<main>
<header>
<h1>{escape(document.title)}</h1>
<p>{escape(document.subtitle)}</p>
<p class="verdict">{escape(document.verdict)}</p>
</header>
{_tiles(document)}
{sections}
<footer>{escape(document.footer)}</footer>
</main>
<script>{DRAW % json.dumps(CONFIG)}</script>
</body>
</html>
"""


def _tiles(document: Document) -> str:
    if not document.tiles:
        return ""
    cells = "\n".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
        for label, value in document.tiles
    )
    return f"<dl>\n{cells}\n</dl>"


def _section(section: Section) -> str:
    return "\n".join(["<section>", *_parts(section), "</section>"])


def _parts(section: Section) -> Iterator[str]:
    yield f"<h2>{escape(section.title)}</h2>"
    for line in section.text:
        yield f"<p>{escape(line)}</p>"
    if section.table is not None:
        yield _table(section.table)
    if section.pictures:
        yield f'<div class="{section.layout}">'
        yield from (_picture(picture) for picture in section.pictures)
        yield "</div>"


def _table(table: Table) -> str:
    """In a narrow window each cell of many stands on a line of its own, with its name."""
    kinds = [' class="right"' if column in table.right else "" for column in table.columns]
    names = [escape(column) for column in table.columns]
    heads = "".join(f"<th{kind}>{name}</th>" for kind, name in zip(kinds, names, strict=True))
    opened = [f'<td{k} data-name="{n}">' for k, n in zip(kinds, names, strict=True)]

    def row(cells: Sequence[str]) -> str:
        return "".join(f"{t}{escape(c)}</td>" for t, c in zip(opened, cells, strict=True))

    body = "\n".join(f"<tr>{row(cells)}</tr>" for cells in table.rows)
    many = ' class="many"' if len(names) >= MANY else ""
    return (
        f'<div class="scroll"><table{many}>\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>{body}</tbody>\n</table></div>"
    )


def _picture(picture: Picture) -> str:
    described = to_json(picture.figure).replace("</", "<\\/")  # must not end the script
    return (
        f'<figure role="img" aria-label="{escape(picture.alt)}">'
        f'<div data-figure style="height: {picture.height}px">'
        f'<script type="application/json">{described}</script></div></figure>'
    )
