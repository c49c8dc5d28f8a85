"""A study on one page: what it found, how, and what went wrong.

``study_facts`` reads the store; ``sections`` makes text, tables and figures of it, of which
``study_document`` makes a ``document``; ``html_page`` and ``markdown`` write that. No TensorFlow,
but for ``sections.best_model_scores``.
"""

from __future__ import annotations

from tuner.report.html_page import page
from tuner.report.markdown import write_markdown
from tuner.report.study_document import compose
from tuner.report.study_facts import StudyFacts, gather

__all__ = ["StudyFacts", "compose", "gather", "page", "write_markdown"]
