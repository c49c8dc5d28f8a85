"""A document as one HTML file that needs no network: plotly.js stands in it once."""

from __future__ import annotations

from markupsafe import Markup
from plotly.io import to_json
from plotly.offline import get_plotlyjs

from tuner.report.document import Document, Picture
from tuner.report.figure_style import DARK_COLOURS
from tuner.templates.environment import environment


def page(document: Document) -> str:
    """The whole file."""
    templates = environment("tuner.report")
    templates.filters["figure_json"] = _figure_json
    return templates.get_template("report.html").render(
        document=document, plotly=Markup(get_plotlyjs()), dark_colours=DARK_COLOURS
    )


def _figure_json(picture: Picture) -> Markup:
    """What a script element may hold: nothing in it ends that element."""
    return Markup(to_json(picture.figure).replace("</", "<\\/"))
