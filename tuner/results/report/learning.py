"""Learning curves: what the best trials learned, and what pruned ones had reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go

from storage.curves import Curve
from storage.trials import TrialRecord
from tuner.goal import LOSS
from tuner.results.report import style
from tuner.results.report.facts import BEST_CURVES, Facts, drawn_pruned


def best(facts: Facts) -> Any:
    """The best trials: validation solid, training dotted, the best epoch marked."""
    figure = go.Figure()
    training, validation = _drawn(facts)
    trials = facts.ranking[:BEST_CURVES]
    for colour, trial in zip(style.COLOURS, trials, strict=False):
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


def pruned(facts: Facts) -> Any:
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
                    line={"color": style.GREY, "width": 1.2, "dash": dash},
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
                line={"color": style.BLUE, "width": 2.5},
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


def _framed(figure: Any, facts: Facts, trials: Sequence[TrialRecord]) -> Any:
    drawn = _drawn(facts)
    values = _values((facts.curves[trial.trial_id] for trial in trials), drawn)
    return style.styled(
        figure,
        xaxis=style.whole([trial.epoch for trial in trials] + [1], "epoch"),
        yaxis=style.scale(values, drawn[0].replace("_", " ")),
    )


def _drawn(facts: Facts) -> tuple[str, str]:
    """The objective's names in training and validation."""
    return facts.goal.metric or LOSS, facts.goal.name


def _values(curves: Iterable[Curve], names: Sequence[str]) -> list[float | None]:
    return [epoch.get(which) for curve in curves for epoch in curve for which in names]
