"""What the best model predicts for the test part: a confusion matrix, labels, or residuals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from search_spaces.errors import SpaceError
from storage.database.engine import Store
from storage.errors import StoreError
from storage.studies import Study
from tuner import formatting
from tuner.datasets import multi_output
from tuner.datasets.target_axes import counted, shown_axes
from tuner.errors import UserError
from tuner.models.baselines import baselines
from tuner.models.evaluate import answer_test_part
from tuner.models.scores import Answers, spelt
from tuner.models.trial_choice import best
from tuner.report import figure_style
from tuner.report.document import Picture, Section, Table
from tuner.report.downsample import downsample
from tuner.report.sections import examples_of_places
from tuner.studies.loading import require_trained_here

if TYPE_CHECKING:
    from tuner.datasets import Data, DataSpec

TITLE = "Predictions of the best model"
CLASSES = 40  # above so many a confusion matrix cannot be read
WRITTEN = 15  # classes up to which the counts are written into it
POINTS = 2000  # rows among the residuals


def scoring(store: Store, study: Study) -> Section:
    """Lets the best model predict the test part; takes TensorFlow.

    Where that cannot be done the section says why.
    """
    try:
        require_trained_here(study)
        trial = best(store, study)
        context, answers, scores = answer_test_part(store, study, trial)
    except (SpaceError, StoreError, UserError) as e:
        return Section(title=TITLE, text=[f"Left out: {e}"])
    data = context.data_of(trial)
    of_model = section(data, answers, scores.values)
    if context.spec.data.window is not None and data.classes is None:
        of_model = dataclasses.replace(
            of_model, table=_forecasts(data, context.spec.data, scores.values)
        )
    return dataclasses.replace(of_model, text=[*of_model.text, scores.explained])


def _forecasts(data: Data, spec: DataSpec, scores: Mapping[str, Any]) -> Table:
    """The model's errors beside those of forecasts that anybody could make."""
    assert spec.target is not None
    of_each = {one.name: one.scores for one in baselines(data, spec.target)}
    names = ("mae", "rmse", "r2")
    return Table(
        columns=("forecast of the test part", *names),
        rows=[
            (forecast, *(formatting.number(values[name]) for name in names))
            for forecast, values in {"the best model": scores, **of_each}.items()
        ],
        right=frozenset(names),
    )


def section(data: Data, answers: Answers, scores: Mapping[str, Any]) -> Section:
    """The section for these answers to the raw rows of the test part, ``(rows, outputs)``.

    Of several outputs it holds what there is to see of each.

    Args:
        scores: Of the answers, see ``tuner.models.trial_scores``.
    """
    if isinstance(answers, Mapping):
        return _together(
            {
                name: section(one, answers[name], scores["outputs"][name])
                for name, one in multi_output.every(data).items()
            }
        )
    if data.outputs.axes:
        return _of_places(data, answers, scores)
    return _of_rows(data, answers, scores)


def _of_places(
    data: Data, answers: NDArray[np.floating[Any]], scores: Mapping[str, Any]
) -> Section:
    """With some rows as pictures or text before what there is to see of all places."""
    of_all = _of_rows(data, answers, scores)
    if len(data.outputs.axes) > 1:
        text, picture = examples_of_places.picture(data, answers)
        others = of_all.pictures if data.classes is not None else ()
        return dataclasses.replace(
            of_all, text=[of_all.text[0], text, *of_all.text[1:]], pictures=[picture, *others]
        )
    text, table = examples_of_places.table(data, answers)
    return dataclasses.replace(of_all, text=[*of_all.text, text], table=table)


def _of_rows(data: Data, answers: NDArray[np.floating[Any]], scores: Mapping[str, Any]) -> Section:
    measured = {f"{formatting.TEST}{k}": v for k, v in spelt(scores).items() if v is not None}
    shown = formatting.measures(measured, formatting.TEST)
    places = f" of {shown_axes(data.outputs.axes)}" if data.outputs.axes else ""
    text = f"On the {len(answers):,} rows{places} of the test part: {shown}."
    if "average" in scores:
        text += " Macro: the mean over all, each of which counts the same."
    if data.outputs.task == "labels":
        return _labels(scores["labels"], text)
    if data.classes is None:
        return _residuals(data, answers, text)
    return _confusion(data.classes, np.array(scores["confusion"]), text)


def _together(sections: Mapping[str, Section]) -> Section:
    """One section of those of several outputs; tables are of labels alone, and so of one form."""
    tables = {name: section.table for name, section in sections.items() if section.table}
    first = next(iter(tables.values()), None)
    return Section(
        title=TITLE,
        text=[f"{name}: {text}" for name, section in sections.items() for text in section.text],
        table=first
        and Table(
            columns=("output", *first.columns),
            rows=[(name, *row) for name, table in tables.items() for row in table.rows],
            right=first.right,
        ),
        pictures=[
            dataclasses.replace(picture, alt=f"{name}: {picture.alt}")
            for name, section in sections.items()
            for picture in section.pictures
        ],
    )


def _confusion(classes: tuple[Any, ...], counts: NDArray[Any], text: str) -> Section:
    if len(classes) > CLASSES:
        pairs = _mistakes(classes, counts)
        return Section(title=TITLE, text=[text, f"Most frequent mistakes: {pairs}."])
    labels = [str(label) for label in classes]
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = go.Figure(
        go.Heatmap(
            x=labels,
            y=labels,
            z=share.tolist(),
            text=counts.tolist(),
            texttemplate="%{text}" if len(classes) <= WRITTEN else None,
            hovertemplate="true %{y}, predicted %{x}: %{text}<extra></extra>",
            colorscale=[[0.0, "#f4f6f9"], [1.0, figure_style.BLUE]],
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    figure_style.styled(
        figure,
        xaxis={"type": "category", "title": {"text": "predicted"}, "showgrid": False},
        yaxis={
            "type": "category",
            "title": {"text": "true"},
            "autorange": "reversed",
            "showgrid": False,
        },
    )
    height = max(320, 130 + 28 * len(classes))
    return Section(
        title=TITLE,
        text=[text, "True classes down, predicted ones across; the colour is the share of a row."],
        pictures=[Picture(figure=figure, alt="Confusion matrix on the test part", height=height)],
    )


def _labels(scores: list[dict[str, Any]], text: str) -> Section:
    """Of each label how well it is found; of very many those that are found worst."""
    worst_first = sorted(scores, key=lambda label: float(label["f1"]))
    shown = scores if len(scores) <= CLASSES else worst_first[:CLASSES]
    numbers = tuple(name for name in scores[0] if name != "label")
    explained = "Precision, recall and F1 of each label, which is predicted above one half."
    left = f" The {CLASSES} of {len(scores)} that are found worst." if shown is not scores else ""
    return Section(
        title=TITLE,
        text=[text, explained + left],
        table=Table(
            columns=("label", *numbers),
            rows=[
                (str(label["label"]), *(formatting.number(label[name]) for name in numbers))
                for label in shown
            ],
            right=frozenset(numbers),
        ),
    )


def _mistakes(classes: tuple[Any, ...], counts: NDArray[Any]) -> str:
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(wrong, axis=None)[::-1][:5]
    pairs = [np.unravel_index(int(position), wrong.shape) for position in order]
    return ", ".join(f"{classes[i]} taken for {classes[j]} ({wrong[i, j]})" for i, j in pairs)


def _residuals(data: Data, answers: NDArray[np.floating[Any]], text: str) -> Section:
    expected, values = data.raw_targets("test"), answers
    if data.outputs.axes:
        expected, values = (counted(each, data.test.weights) for each in (expected, values))
    expected, values = (each.reshape(len(each), -1)[:, 0] for each in (expected, values))
    rows = downsample(range(len(values)), POINTS)
    x, y = values[rows].tolist(), (expected - values)[rows].tolist()
    figure = go.Figure(
        go.Scatter(
            x=x, y=y, mode="markers", marker={"color": figure_style.BLUE, "size": 5, "opacity": 0.5}
        )
    )
    figure.add_hline(y=0, line={"color": figure_style.INK, "width": 1})
    figure_style.styled(
        figure,
        xaxis={"title": {"text": "predicted"}},
        yaxis={"title": {"text": "true minus predicted"}},
    )
    return Section(
        title=TITLE,
        text=[text, f"Residuals of {len(rows):,} of {len(values):,} rows, in the targets' unit."],
        pictures=[Picture(figure=figure, alt="Residuals on the test part")],
    )
