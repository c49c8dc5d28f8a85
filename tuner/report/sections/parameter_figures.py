"""Which parameters matter, and how: importance, parallel coordinates and slices."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import optuna
from optuna import visualization
from optuna.study import Study
from optuna.trial import FrozenTrial

from tuner import formatting
from tuner.report import figure_style, searched_ranges
from tuner.report.document import Picture, Section
from tuner.report.downsample import count_of, downsample_keeping_best
from tuner.report.study_facts import StudyFacts
from tuner.report.visualization_study import Axes, VisualizationStudy, axes, visualization_study

AXES = 8  # parameters side by side in parallel coordinates
LINES = 200  # trials in parallel coordinates
POINTS = 1000  # trials in a slice
SLICES = 12
BARS = 15  # parameters whose importance is drawn
REACHED = "Pruned trials stand with the best that they had reached."


def sections(facts: StudyFacts) -> Iterator[Section]:
    """Three, where two trials differ: importance, parallel coordinates, slices."""
    if not facts.measured:
        return
    name, measured = facts.status.study.name, facts.measured
    drawn = axes(measured, facts.ranges)
    if len(measured) < 2 or not drawn:
        yield Section(
            title="Hyperparameters",
            text=["Importance, parallel coordinates and slices need two trials that differ."],
        )
        return
    whole = visualization_study(name, measured, drawn, facts.objective)
    support = searched_ranges.support(measured, drawn)
    ranked = importances(whole, searched_ranges.supported(support, len(measured)))
    params = chosen(ranked, drawn)
    if ranked:
        yield _importance(whole, ranked, support, len(measured))
    yield _parallel(facts, drawn, params)
    yield _slices(facts, drawn, params)


def _importance(
    whole: VisualizationStudy, ranked: dict[str, float], support: dict[str, int], trials: int
) -> Section:
    bars = min(BARS, len(ranked))
    few = [f"{name} ({count})" for name, count in support.items() if name not in ranked]
    text = (
        "How well a parameter tells good trials from the others (PED-ANOVA, over "
        f"{formatting.count(trials)}, complete and pruned): "
        f"{count_of(bars, len(ranked), 'parameter')}."
    )
    if some := [f"{n} ({support[n]})" for n in ranked if support[n] < trials]:
        text += f" Not all trials had: {', '.join(some)}."
    if few:
        text += f" Left out, as too few trials had them to tell: {', '.join(few)}."
    return Section(
        title="Parameter importance",
        text=[text],
        pictures=[
            Picture(
                figure=importance(whole, ranked, count=bars),
                alt="Importance of each parameter",
                height=110 + 24 * bars,
            )
        ],
    )


def _parallel(facts: StudyFacts, drawn: Axes, params: Sequence[str]) -> Section:
    measured = facts.measured
    few = downsample_keeping_best(measured, LINES, facts.objective.sign)
    study = visualization_study(facts.status.study.name, few, drawn, facts.objective)
    there = {key for trial in few for key in trial.hyperparameters}
    first = [param for param in params if param in there][:AXES]
    return Section(
        title="Parallel coordinates",
        text=[
            f"A line for each trial: {_thinned(len(few), len(measured))}; "
            f"{_important(len(first), len(params))}. {REACHED}"
        ],
        pictures=[
            Picture(
                figure=parallel(study, first),
                alt="Hyperparameters of each trial as a line, coloured by value",
                height=440,
            )
        ],
        layout="wide",
    )


def _slices(facts: StudyFacts, drawn: Axes, params: Sequence[str]) -> Section:
    measured = facts.measured
    few = downsample_keeping_best(measured, POINTS, facts.objective.sign)
    study = visualization_study(facts.status.study.name, few, drawn, facts.objective)
    there = {key for trial in few for key in trial.hyperparameters}
    first = [param for param in params if param in there][:SLICES]
    pictures = [
        Picture(figure=figure, alt=f"{facts.objective.text.capitalize()} by {param}", height=280)
        for param, figure in zip(first, slices(study, first), strict=True)
    ]
    return Section(
        title="Slices",
        text=[
            f"Each parameter against the {facts.objective.text}, later trials darker: "
            f"{_thinned(len(few), len(measured))}; "
            f"{_important(len(first), len(params))}. {REACHED}"
        ],
        pictures=pictures,
        layout="grid",
    )


def _thinned(shown: int, total: int) -> str:
    note = "" if shown >= total else " (the best ones, and others evenly spread)"
    return f"{count_of(shown, total, 'trial')}{note}"


def _important(shown: int, total: int) -> str:
    note = "" if shown >= total else ", the most important ones"
    return f"{count_of(shown, total, 'parameter')}{note}"


def importances(study: Study, params: Sequence[str]) -> dict[str, float]:
    """How much of the differences in loss each parameter explains, the most important first.

    Nothing where there is too little to go by.

    Args:
        params: Those that enough trials had.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental classes tell of themselves
        try:
            return dict(optuna.importance.get_param_importances(study, params=list(params)))
        except (RuntimeError, ValueError):
            return {}


def importance(study: VisualizationStudy, params: Iterable[str], *, count: int) -> Any:
    """Bars, the most important parameter at the top.

    Args:
        params: Those that are ranked.
        count: How many parameters are drawn.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure = visualization.plot_param_importances(
            study, params=list(params), target_name=study.objective.text
        )
    for trace in figure.data:
        trace.update(
            x=trace.x[-count:],
            y=figure_style.labels(trace.y[-count:]),
            text=trace.text[-count:],
            marker={"color": figure_style.BLUE},
        )
    return figure_style.styled(
        figure,
        showlegend=False,
        # With room for the number at the end of the longest bar, also in a narrow window.
        xaxis={"title": {"text": "importance"}, "range": [0, 1.25 * _longest(figure)]},
        yaxis={"title": {"text": ""}},
    )


def _longest(figure: Any) -> float:
    return max((float(x) for trace in figure.data for x in trace.x), default=1.0) or 1.0


def parallel(study: VisualizationStudy, params: Sequence[str]) -> Any:
    """One line a trial, from its loss through its hyperparameters."""
    values = [trial.value for trial in study.trials if trial.value is not None]
    if figure_style.scale(values, study.objective.text)["type"] == "log":
        figure = visualization.plot_parallel_coordinate(
            study,
            list(params),
            target=_logarithm,
            target_name=f"log10 of {study.objective.text}",
        )
    else:
        figure = visualization.plot_parallel_coordinate(
            study, list(params), target_name=study.objective.text
        )
    _recolour(figure, maximize=study.objective.maximize)
    figure_style.styled(figure, margin={"l": 72, "r": 24, "t": 28, "b": 48})
    names = [figure.layout.xaxis.ticktext[0], *figure_style.labels(sorted(params))]
    figure.update_layout(yaxis={"visible": False}, xaxis={"showgrid": False, "ticktext": names})
    return figure


def _recolour(figure: Any, *, maximize: bool) -> None:
    """Few colours instead of one a line: a dark page has another one for each of them."""
    blues = figure_style.BLUES if maximize else figure_style.BLUES[::-1]
    *lines, colour_bar = figure.data
    for line in lines:
        line.line.color = blues[round(line.y[0] * (len(blues) - 1))]
    colour_bar.marker.update(colorscale=list(figure_style.BLUES))


def _logarithm(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return math.log10(trial.value)


def slices(study: VisualizationStudy, params: Sequence[str]) -> list[Any]:
    """One figure a parameter: its value against the trial's."""
    values = [trial.value for trial in study.trials if trial.value is not None]
    return [
        _slice(study, name, figure_style.scale(values, study.objective.text)) for name in params
    ]


def _slice(study: VisualizationStudy, name: str, axis: dict[str, Any]) -> Any:
    figure = visualization.plot_slice(study, [name], target_name=study.objective.text)
    figure.update_traces(
        marker={
            "showscale": False,
            "colorscale": figure_style.TIME,
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
    return figure_style.styled(
        figure,
        xaxis=_parameter_axis(figure, name),
        yaxis=axis,
        margin={"l": 56, "r": 12, "t": 12, "b": 52},
    )


def _parameter_axis(figure: Any, name: str) -> dict[str, Any]:
    """Ticks that the parameter can be: whole numbers, few of a decade, the categories."""
    title = figure_style.shortened(name)
    x = [value for trace in figure.data for value in trace.x]
    if figure.layout.xaxis.type == "log":
        return {**figure_style.scale(x, title), "type": "log"}
    if x and all(isinstance(value, int) for value in x):
        return figure_style.whole(x, title)
    return {"title": {"text": title}}


def _unquoted(label: Any) -> Any:
    if not isinstance(label, str):
        return label
    try:
        return formatting.number(float(label))
    except ValueError:
        return figure_style.shortened(
            {"True": "true", "False": "false"}.get(label, label.strip("'"))
        )


def chosen(importance: dict[str, float], drawn: Axes) -> list[str]:
    """The parameters that were searched, the most important first."""
    return [*importance, *(name for name in drawn if name not in importance)]
