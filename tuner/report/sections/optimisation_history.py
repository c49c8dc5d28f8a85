"""The value of every trial, and how the best one fell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from optuna import visualization

from storage.trials import TrialRecord
from tuner.report import figure_style
from tuner.report.document import Picture, Section
from tuner.report.study_facts import STOPPED, StudyFacts
from tuner.report.visualization_study import visualization_study
from tuner.studies.objective import Objective

MANY = 500  # trials from which on they are drawn smaller


def sections(facts: StudyFacts) -> Iterator[Section]:
    """One, where a trial has a value."""
    if not facts.measured:
        return
    objective = facts.objective
    best = f"{objective.extreme} {objective.text}"
    yield Section(
        title="Optimisation history",
        text=[f"Each trial's {best}, and the best of the complete ones so far."],
        pictures=[
            Picture(
                figure=history(facts.status.study.name, facts.trials, objective),
                alt=f"{objective.text.capitalize()} of each trial and the best so far",
            )
        ],
    )


def history(name: str, trials: Sequence[TrialRecord], objective: Objective) -> Any:
    """The value of every trial, and the best so far."""
    figure = visualization.plot_optimization_history(
        visualization_study(name, trials, {}, objective, pruned_too=False),
        target_name=objective.text,
    )
    size = 7 if len(trials) <= MANY else 4
    best = {"name": "best so far", "line": {"color": figure_style.INK, "width": 2, "shape": "hv"}}
    figure.for_each_trace(lambda trace: trace.update(best), {"mode": "lines"})
    complete = {
        "name": "complete",
        "marker": {"color": figure_style.BLUE, "size": size, "opacity": 0.8},
    }
    figure.for_each_trace(
        lambda trace: trace.update(complete), {"mode": "markers", "name": objective.text}
    )
    pruned = [trial for trial in trials if trial.state in STOPPED and trial.value is not None]
    if pruned:
        figure.add_scatter(
            x=[trial.number for trial in pruned],
            y=[trial.value for trial in pruned],
            mode="markers",
            name=f"pruned (its {objective.extreme})",
            marker={"color": figure_style.GREY, "size": size - 1, "symbol": "x-thin-open"},
        )
    figure.data = [trace for trace in figure.data if trace.x is not None and len(trace.x)]
    y = figure_style.scale((trial.value for trial in trials), objective.text)
    x = figure_style.whole([trial.number for trial in trials], "trial")
    return figure_style.styled(figure, yaxis=y, xaxis=x)
