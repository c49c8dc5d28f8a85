"""The sections of a report, one module a figure or table, in the order in which they stand.

Each is a function from a study's facts to the sections that it has: none where there is nothing
to show. Packages add their own behind ours, with entry points of the group ``tuner.figures``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from search_spaces.errors import shorten
from search_spaces.registry import Registry
from tuner.report import visualization_study
from tuner.report.document import Section
from tuner.report.study_facts import StudyFacts

SECTIONS: Registry[Callable[[StudyFacts], Iterable[Section]]] = Registry(
    "tuner.figures",
    {
        "pareto-front": "tuner.report.sections.pareto_front:sections",
        "best-hyperparameters": "tuner.report.sections.best_trials:hyperparameters",
        "history": "tuner.report.sections.optimisation_history:sections",
        "learning-curves": "tuner.report.sections.curve_figures:sections",
        "parameters": "tuner.report.sections.parameter_figures:sections",
        "pruning": "tuner.report.sections.pruning_savings:sections",
        "failures": "tuner.report.sections.failure_groups:sections",
        "workers": "tuner.report.sections.worker_timeline:sections",
        "predictions": "tuner.report.sections.best_trials:predictions",
        "best-trials": "tuner.report.sections.best_trials:ranking",
        "definition": "tuner.report.sections.study_definition:sections",
    },
)


def sections(facts: StudyFacts) -> Iterator[Section]:
    """All sections that a study has."""
    with visualization_study.quiet():
        for name in SECTIONS:
            package = SECTIONS.package_of(name)
            yield from SECTIONS[name](facts) if package is None else _added(name, package, facts)


def _added(name: str, package: str, facts: StudyFacts) -> list[Section]:
    """What a package adds; an error of its code must not cost the rest of the page."""
    try:
        return list(SECTIONS[name](facts))
    except Exception as e:  # whatever that code raises
        reason = shorten(" ".join(f"{type(e).__name__}: {e}".split()), 200)
        return [Section(title=name, text=[f"Left out, as the package {package} failed: {reason}"])]
