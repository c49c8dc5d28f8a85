"""What the reference shows, which is what is public."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from tests.support.sources import ROOT


def public_objects() -> dict[str, Any]:
    """The objects of the Python reference by their full names."""
    page = ROOT / "docs" / "pages" / "reference" / "python.md"
    names = re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: _object(name) for name in names}


def _object(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)
