"""The report of a study, before it is HTML or Markdown."""

from __future__ import annotations

import dataclasses

from tuner.report.document import Document, Section
from tuner.report.sections import sections
from tuner.report.sections.pruning_savings import savings
from tuner.report.study_facts import StudyFacts
from tuner.report.verdict import tiles, verdict


def compose(facts: StudyFacts, *, scoring: Section | None = None, written: str = "") -> Document:
    """The report of a study.

    Args:
        scoring: Confusion matrix or residuals of the best model; without it the page says how to
            have them.
        written: When it was made, and by what.
    """
    study = facts.status.study
    spec = study.spec
    return Document(
        title=study.name,
        subtitle=f"{spec['space']} on {spec['data']['source']}, {study.state}"
        + (f": {study.reason}" if study.reason else ""),
        verdict=verdict(facts),
        tiles=tiles(facts, savings(facts.status.study, facts.trials)),
        sections=list(sections(dataclasses.replace(facts, scoring=scoring))),
        footer=written,
    )
