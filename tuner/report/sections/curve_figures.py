"""Learning curves: what the best trials learned, and what pruned ones had reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import plotly.graph_objects as go

from storage.learning_curves import Curve
from storage.trials import TrialRecord
from tuner.report import figure_style
from tuner.report.document import Picture, Section
from tuner.report.downsample import count_of
from tuner.report.study_facts import BEST_CURVES, STOPPED, StudyFacts, drawn_pruned
from tuner.studies.objective import LOSS


def sections(facts: StudyFacts) -> Iterator[Section]:
    """One, where a trial has a value."""
    if not facts.measured:
        return
    pictures = []
    if facts.ranking:
        alt = "Learning curves of the best trials"
        pictures.append(Picture(figure=best(facts), alt=alt))
    cut, shown = facts.of(*STOPPED), drawn_pruned(facts.trials)
    if cut:
        alt = "Learning curves of pruned trials beside that of the best"
        pictures.append(Picture(figure=pruned(facts), alt=alt))
    text = f"{facts.objective.text.capitalize()} solid, that of training dotted."
    if facts.ranking:
        shown_best = count_of(
            min(BEST_CURVES, len(facts.ranking)), len(facts.ranking), "complete trial"
        )
        text += f" First: {shown_best}, best first, a dot at the epoch whose weights were kept."
    if cut:
        which = count_of(len(shown), len(cut), "pruned trial")
        text += f" {'Then' if facts.ranking else 'Shown'}: {which}."
    yield Section(title="Learning curves", text=[text], pictures=pictures, layout="grid")


def best(facts: StudyFacts) -> Any:
    """The best trials: validation solid, training dotted, the best epoch marked."""
    figure = go.Figure()
    training, validation = _drawn(facts)
    trials = facts.ranking[:BEST_CURVES]
    for colour, trial in zip(figure_style.COLOURS, trials, strict=False):
        curve = facts.curves[trial.trial_id]
        name = f"trial {trial.number}"
        line = {"color": colour, "width": 2}
        figure.add_trace(_line(curve, validation, name=name, line=line, legendgroup=name))
        dotted = {"color": colour, "width": 1.3, "dash": "dot"}
        figure.add_trace(
            _line(
                curve,
                training,
                name=f"{name}, training",
                line=dotted,
                legendgroup=name,
                showlegend=False,
            )
        )
        if trial.best_epoch is not None:
            marker = {"color": colour, "size": 9, "line": {"color": "white", "width": 1.5}}
            figure.add_scatter(
                x=[trial.best_epoch],
                y=[trial.value],
                mode="markers",
                marker=marker,
                name=f"{name}, best epoch",
                legendgroup=name,
                showlegend=False,
            )
    return _framed(figure, facts, trials)


def pruned(facts: StudyFacts) -> Any:
    """Pruned trials in grey, in front of them the best trial."""
    figure = go.Figure()
    trials = drawn_pruned(facts.trials)
    training, validation = _drawn(facts)
    for which, dash, opacity in ((training, "dot", 0.45), (validation, "solid", 0.75)):
        for i, trial in enumerate(trials):
            figure.add_trace(
                _line(
                    facts.curves[trial.trial_id],
                    which,
                    name="pruned" if which == validation else "pruned, training",
                    line={"color": figure_style.GREY, "width": 1.2, "dash": dash},
                    opacity=opacity,
                    legendgroup=which,
                    showlegend=i == 0,
                    hovertext=f"trial {trial.number}",
                )
            )
    for trial in facts.ranking[:1]:
        figure.add_trace(
            _line(
                facts.curves[trial.trial_id],
                validation,
                name=f"best: trial {trial.number}",
                line={"color": figure_style.BLUE, "width": 2.5},
            )
        )
    return _framed(figure, facts, [*trials, *facts.ranking[:1]])


def _line(curve: Curve, which: str, **look: Any) -> Any:
    """One epoch alone is a dot: a line of one point would not be seen."""
    return go.Scatter(
        x=[epoch["epoch"] for epoch in curve],
        y=[epoch.get(which) for epoch in curve],
        mode="lines" if len(curve) > 1 else "markers",
        **look,
    )


def _framed(figure: Any, facts: StudyFacts, trials: Sequence[TrialRecord]) -> Any:
    drawn = _drawn(facts)
    values = _values((facts.curves[trial.trial_id] for trial in trials), drawn)
    return figure_style.styled(
        figure,
        xaxis=figure_style.whole([trial.epoch for trial in trials] + [1], "epoch"),
        yaxis=figure_style.scale(values, facts.objective.measured),
    )


def _drawn(facts: StudyFacts) -> tuple[str, str]:
    """The objective's names in training and validation."""
    measured, name = facts.objective.metric or LOSS, facts.objective.name
    return "" if measured == name else measured, name  # an objective function has one value


def _values(curves: Iterable[Curve], names: Sequence[str]) -> list[float | None]:
    return [epoch.get(which) for curve in curves for epoch in curve for which in names]
