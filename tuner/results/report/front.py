"""The Pareto front of a study with several objectives: a table, and each against the first."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from storage.trials import TrialRecord
from tuner import words
from tuner.goal import Goal
from tuner.results.report import style
from tuner.results.report.document import Picture, Section, Table
from tuner.results.report.facts import Facts
from tuner.results.report.thinning import spread, told

ROWS = 50  # trials in the table
POINTS = 2000  # trials behind the front


def section(facts: Facts) -> Section:
    """What the front is, and where the other complete trials stand."""
    goals, front = facts.goals, facts.front
    rows = [
        (str(trial.number), *words.values(trial, goals), words.settings(trial.hyperparameters))
        for trial in front[:ROWS]
    ]
    numbers = ("trial", *(goal.text for goal in goals))
    return Section(
        title="Pareto front",
        text=[
            f"{told(len(rows), len(front), 'trial').capitalize()} that no other one dominates: "
            "whichever is better by one objective is worse by another. Pruning and the best epoch "
            f"go by the {goals[0].text} alone."
        ],
        table=Table(columns=(*numbers, "hyperparameters"), rows=rows, right=frozenset(numbers)),
        pictures=[
            Picture(
                figure=_figure(facts, i), alt=f"{goals[0].text.capitalize()} against {goal.text}"
            )
            for i, goal in enumerate(goals[1:])
        ],
        layout="grid",
    )


def _figure(facts: Facts, i: int) -> Any:
    """The first objective against a further one."""
    first, other = facts.goals[0], facts.goals[1 + i]
    on_front = {trial.trial_id for trial in facts.front}
    behind = spread([t for t in facts.ranking if t.trial_id not in on_front], POINTS)
    line = "lines+markers" if len(facts.goals) == 2 else "markers"
    figure = go.Figure()
    look = {"mode": "markers", "marker": {"color": style.GREY, "size": 6, "opacity": 0.7}}
    figure.add_trace(_points("complete", behind, first, other, i, **look))
    look = {"mode": line, "marker": {"color": style.BLUE, "size": 9}, "line": {"shape": "hv"}}
    by_other = sorted(facts.front, key=lambda trial: trial.further[i])
    figure.add_trace(_points("Pareto front", by_other, first, other, i, **look))
    drawn = [*behind, *by_other]
    return style.styled(
        figure,
        xaxis=style.scale((trial.further[i] for trial in drawn), other.text),
        yaxis=style.scale((trial.value for trial in drawn), first.text),
    )


def _points(
    name: str, trials: list[TrialRecord], first: Goal, other: Goal, i: int, **look: Any
) -> Any:
    return go.Scatter(
        x=[trial.further[i] for trial in trials],
        y=[trial.value for trial in trials],
        name=name,
        text=[f"trial {trial.number}" for trial in trials],
        hovertemplate=f"%{{text}}: {first.text} %{{y:.4g}}, {other.text} %{{x:.4g}}<extra></extra>",
        **look,
    )
