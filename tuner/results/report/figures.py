"""The figures that Optuna draws, with real values and in the report's style."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import optuna
from optuna import visualization
from optuna.study import Study
from optuna.trial import FrozenTrial

from storage.trials import TrialRecord
from tuner import words
from tuner.goal import Goal
from tuner.results.report import style
from tuner.results.report.mirror import Axes, Mirror, mirror

AXES = 8  # parameters side by side in parallel coordinates
MANY = 500  # trials from which on they are drawn smaller
LABEL = 24  # characters of a name on an axis


def history(name: str, trials: Sequence[TrialRecord], goal: Goal) -> Any:
    """The value of every trial, and the best so far."""
    figure = visualization.plot_optimization_history(
        mirror(name, trials, {}, goal, pruned_too=False), target_name=goal.text
    )
    size = 7 if len(trials) <= MANY else 4
    best = {"name": "best so far", "line": {"color": style.INK, "width": 2, "shape": "hv"}}
    figure.for_each_trace(lambda trace: trace.update(best), {"mode": "lines"})
    complete = {"name": "complete", "marker": {"color": style.BLUE, "size": size, "opacity": 0.8}}
    figure.for_each_trace(
        lambda trace: trace.update(complete), {"mode": "markers", "name": goal.text}
    )
    pruned = [trial for trial in trials if trial.state == "pruned" and trial.value is not None]
    if pruned:
        figure.add_scatter(
            x=[trial.number for trial in pruned],
            y=[trial.value for trial in pruned],
            mode="markers",
            name=f"pruned (its {goal.extreme})",
            marker={"color": style.GREY, "size": size - 1, "symbol": "x-thin-open"},
        )
    figure.data = [trace for trace in figure.data if trace.x is not None and len(trace.x)]
    y = style.scale((trial.value for trial in trials), goal.text)
    x = style.whole([trial.number for trial in trials], "trial")
    return style.styled(figure, yaxis=y, xaxis=x)


def importances(study: Study) -> dict[str, float]:
    """How much of the differences in loss each parameter explains, the most important first.

    Nothing where there is too little to go by.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental classes tell of themselves
        try:
            return dict(optuna.importance.get_param_importances(study))
        except (RuntimeError, ValueError):
            return {}


def importance(study: Mirror, *, count: int) -> Any:
    """Bars, the most important parameter at the top.

    Args:
        count: How many parameters are drawn.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure = visualization.plot_param_importances(study, target_name=study.goal.text)
    for trace in figure.data:
        trace.update(
            x=trace.x[-count:],
            y=labels(trace.y[-count:]),
            text=trace.text[-count:],
            marker={"color": style.BLUE},
        )
    return style.styled(
        figure,
        showlegend=False,
        # With room for the number at the end of the longest bar, also in a narrow window.
        xaxis={"title": {"text": "importance"}, "range": [0, 1.25 * _longest(figure)]},
        yaxis={"title": {"text": ""}},
    )


def _longest(figure: Any) -> float:
    return max((float(x) for trace in figure.data for x in trace.x), default=1.0) or 1.0


def parallel(study: Mirror, params: Sequence[str]) -> Any:
    """One line a trial, from its loss through its hyperparameters."""
    values = [trial.value for trial in study.trials if trial.value is not None]
    if style.scale(values, study.goal.text)["type"] == "log":
        figure = visualization.plot_parallel_coordinate(
            study,
            list(params),
            target=_logarithm,
            target_name=f"log10 of {study.goal.text}",
        )
    else:
        figure = visualization.plot_parallel_coordinate(
            study, list(params), target_name=study.goal.text
        )
    style.styled(figure, margin={"l": 72, "r": 24, "t": 28, "b": 48})
    names = [figure.layout.xaxis.ticktext[0], *labels(sorted(params))]
    figure.update_layout(yaxis={"visible": False}, xaxis={"showgrid": False, "ticktext": names})
    return figure


def _logarithm(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return math.log10(trial.value)


def slices(study: Mirror, params: Sequence[str]) -> list[Any]:
    """One figure a parameter: its value against the trial's."""
    values = [trial.value for trial in study.trials if trial.value is not None]
    return [_slice(study, name, style.scale(values, study.goal.text)) for name in params]


def _slice(study: Mirror, name: str, axis: dict[str, Any]) -> Any:
    figure = visualization.plot_slice(study, [name], target_name=study.goal.text)
    figure.update_traces(
        marker={
            "showscale": False,
            "colorscale": style.TIME,
            "size": 7,
            "opacity": 0.8,
            "line": {"width": 0},
        },
        hovertemplate="%{x}: %{y:.4g} (trial %{marker.color})<extra></extra>",
    )
    # Optuna spells categories as Python does.
    for trace in figure.data:
        trace.x = [_unquoted(x) for x in trace.x]
    order = figure.layout.xaxis.categoryarray
    if order is not None:
        figure.update_xaxes(categoryarray=[_unquoted(x) for x in order])
    return style.styled(
        figure,
        xaxis=_parameter_axis(figure, name),
        yaxis=axis,
        margin={"l": 56, "r": 12, "t": 12, "b": 52},
    )


def _parameter_axis(figure: Any, name: str) -> dict[str, Any]:
    """Ticks that the parameter can be: whole numbers, few of a decade, the categories."""
    title = shortened(name)
    x = [value for trace in figure.data for value in trace.x]
    if figure.layout.xaxis.type == "log":
        return {**style.scale(x, title), "type": "log"}
    if x and all(isinstance(value, int) for value in x):
        return style.whole(x, title)
    return {"title": {"text": title}}


def _unquoted(label: Any) -> Any:
    if not isinstance(label, str):
        return label
    try:
        return words.number(float(label))
    except ValueError:
        return shortened({"True": "true", "False": "false"}.get(label, label.strip("'")))


def shortened(name: str) -> str:
    """A name that fits an axis: of a long one its beginning and its end."""
    half = LABEL // 2
    return name if len(name) <= LABEL else f"{name[: half - 1]}…{name[-half:]}"


def labels(names: Iterable[str]) -> list[str]:
    """Names that fit an axis and differ from one another."""
    found: list[str] = []
    for name in names:
        label, again = shortened(name), 1
        while label in found:
            again += 1
            label = f"{shortened(name)} ({again})"
        found.append(label)
    return found


def chosen(importance: dict[str, float], drawn: Axes) -> list[str]:
    """The parameters that were searched, the most important first."""
    return [*importance, *(name for name in drawn if name not in importance)]
