"""A study on one page: what it found, how, and what went wrong.

``facts`` reads the store; ``compose`` makes a ``document`` of it, with the help of the modules that
draw; ``html`` and ``markdown`` write the document. No TensorFlow, but for ``scoring``.
"""

from __future__ import annotations

from tuner.results.report.compose import compose
from tuner.results.report.facts import Facts, gather
from tuner.results.report.html import page
from tuner.results.report.markdown import write_markdown

__all__ = ["Facts", "compose", "gather", "page", "write_markdown"]
