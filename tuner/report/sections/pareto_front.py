"""The Pareto front of a study with several objectives: a table, and each against the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import plotly.graph_objects as go

from storage.trials import TrialRecord
from tuner import formatting
from tuner.report import figure_style
from tuner.report.document import Picture, Section, Table
from tuner.report.downsample import count_of, downsample
from tuner.report.study_facts import StudyFacts
from tuner.studies.objective import Objective

ROWS = 50  # trials in the table
POINTS = 2000  # trials behind the front


def sections(facts: StudyFacts) -> Iterator[Section]:
    """What the front is, and where the other complete trials stand; of several objectives."""
    if not facts.front:
        return
    objectives, front = facts.objectives, facts.front
    rows = [
        (
            str(trial.number),
            *formatting.values(trial, objectives),
            formatting.settings(trial.hyperparameters),
        )
        for trial in front[:ROWS]
    ]
    numbers = ("trial", *(objective.text for objective in objectives))
    yield Section(
        title="Pareto front",
        text=[
            f"{count_of(len(rows), len(front), 'trial').capitalize()} that no other one dominates: "
            "whichever is better by one objective is worse by another. Pruning and the best epoch "
            f"go by the {objectives[0].text} alone."
        ],
        table=Table(columns=(*numbers, "hyperparameters"), rows=rows, right=frozenset(numbers)),
        pictures=[
            Picture(
                figure=_figure(facts, i),
                alt=f"{objectives[0].text.capitalize()} against {objective.text}",
            )
            for i, objective in enumerate(objectives[1:])
        ],
        layout="grid",
    )


def _figure(facts: StudyFacts, i: int) -> Any:
    """The first objective against a further one."""
    first, other = facts.objectives[0], facts.objectives[1 + i]
    on_front = {trial.trial_id for trial in facts.front}
    behind = downsample([t for t in facts.ranking if t.trial_id not in on_front], POINTS)
    line = "lines+markers" if len(facts.objectives) == 2 else "markers"
    figure = go.Figure()
    look = {"mode": "markers", "marker": {"color": figure_style.GREY, "size": 6, "opacity": 0.7}}
    figure.add_trace(_points("complete", behind, first, other, i, **look))
    look = {
        "mode": line,
        "marker": {"color": figure_style.BLUE, "size": 9},
        "line": {"shape": "hv"},
    }
    by_other = sorted(facts.front, key=lambda trial: trial.further[i])
    figure.add_trace(_points("Pareto front", by_other, first, other, i, **look))
    drawn = [*behind, *by_other]
    return figure_style.styled(
        figure,
        xaxis=figure_style.scale((trial.further[i] for trial in drawn), other.text),
        yaxis=figure_style.scale((trial.value for trial in drawn), first.text),
    )


def _points(
    name: str, trials: list[TrialRecord], first: Objective, other: Objective, i: int, **look: Any
) -> Any:
    return go.Scatter(
        x=[trial.further[i] for trial in trials],
        y=[trial.value for trial in trials],
        name=name,
        text=[f"trial {trial.number}" for trial in trials],
        hovertemplate=f"%{{text}}: {first.text} %{{y:.4g}}, {other.text} %{{x:.4g}}<extra></extra>",
        **look,
    )
