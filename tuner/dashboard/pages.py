"""Pages of our own: plain HTML without scripts, made of the files in ``templates``.

The one stylesheet stands within each page, and its hash in the page's policy: a page is one
answer, the log-in page needs nothing else from the server, and no other style is let in.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from starlette.responses import HTMLResponse

from tuner.templates.environment import environment

OK = 200
_TEMPLATES = environment("tuner.dashboard")
_STYLE = str(_TEMPLATES.globals["style"])
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'"


def render(template: str, **context: Any) -> str:
    """A page's HTML.

    Args:
        template: A file's name in ``templates``.
        context: What stands in it.
    """
    return _TEMPLATES.get_template(template).render(context)


def page(template: str, code: int = OK, /, **context: Any) -> HTMLResponse:
    """A page that no browser keeps; see `render`."""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(render(template, **context), code, headers)
