"""What the study was asked to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tuner import formatting
from tuner.report.document import Section, Table
from tuner.report.study_facts import StudyFacts
from tuner.search.auto_choice import choice_line
from tuner.search.samplers import SAMPLERS


def sections(facts: StudyFacts) -> Iterator[Section]:
    """One table."""
    study, spec = facts.status.study, facts.status.study.spec
    rows = [
        ("search space", " ".join([spec["space"], *spec.get("overrides", ())])),
        ("data", spec["data"]["source"]),
        ("data fingerprint", str(spec.get("data_fingerprint", "-"))),
        ("compared by", ", ".join(objective.text for objective in facts.objectives)),
        ("sampler", _sampler(spec, len(facts.trials))),
        *([("began with", ", ".join(spec["past"]))] if spec.get("past") else []),
        ("pruner", str(spec.get("pruner", {}).get("kind", "-"))),
        ("seed", str(spec.get("seed", "-"))),
        ("budget", "1 trial" if study.budget == 1 else f"{study.budget:,} trials"),
        ("launched", formatting.moment(study.created_at)),
    ]
    yield Section(title="Definition", table=Table(columns=("", "value"), rows=rows))


def _sampler(spec: Mapping[str, Any], trials: int) -> str:
    """Its name, and what it does; that of a package which is not installed here by itself."""
    name = str(spec.get("sampler", "-"))
    if (choice := choice_line(spec, trials)) is not None:
        return f"{name}: {choice}"
    return f"{name}: {SAMPLERS[name].summary}" if name in SAMPLERS else name
