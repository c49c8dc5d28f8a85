"""Jinja2 for pages: what others wrote stays text, and the stylesheet stands within each page.

Templates of a package lie in its folder ``templates``; those of this folder are for all of them.
"""

from __future__ import annotations

import re
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tuner import formatting
from tuner.control_characters import escape


def environment(package: str) -> Environment:
    """The templates of a package, such as ``tuner.report``.

    ``style`` is the stylesheet, and ``formatting`` our module of that name. A name that is not
    given is an error, not an empty text.
    """
    templates = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("tuner")]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_without_control_characters,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["formatting"] = formatting
    templates.globals["style"] = Markup(templates.get_template("style.css").render())
    templates.filters["without_password"] = lambda url: re.sub(r"://[^/]*@", "://***@", url)
    return templates


def _without_control_characters(value: Any) -> Any:
    """Text of others could turn around what stands beside it; Jinja escapes its HTML later."""
    return escape(value) if isinstance(value, str) and not isinstance(value, Markup) else value
