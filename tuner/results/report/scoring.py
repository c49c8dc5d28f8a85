"""What the best model predicts for the test part: a confusion matrix, labels, or residuals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from search_spaces.errors import SpaceError
from storage.engine import Store
from storage.errors import StoreError
from storage.studies import Study
from tuner import words
from tuner.datasets import heads
from tuner.errors import UserError
from tuner.loading import load_data, load_space
from tuner.results import evaluation
from tuner.results.choice import best, model_file
from tuner.results.report import style
from tuner.results.report.document import Picture, Section, Table
from tuner.results.report.thinning import spread
from tuner.results.scores import Answers, score
from tuner.study import StudySpec

if TYPE_CHECKING:
    from tuner.datasets import Data

TITLE = "Predictions of the best model"
CLASSES = 40  # above so many a confusion matrix cannot be read
WRITTEN = 15  # classes up to which the counts are written into it
POINTS = 2000  # rows among the residuals


def scoring(store: Store, study: Study) -> Section:
    """Lets the best model predict the test part; takes TensorFlow.

    Where that cannot be done the section says why.
    """
    try:
        spec = StudySpec.from_dict(study.spec)
        with model_file(study, best(store, study)) as path:
            data = load_data(spec)
            evaluation.import_keras()
            load_space(spec)  # it may bring layers of its own
            answers = evaluation.predict(evaluation.load(path), data.raw("test"))
    except (SpaceError, StoreError, UserError) as e:
        return Section(title=TITLE, text=[f"Left out: {e}"])
    return section(data, answers)


def section(data: Data, answers: Answers) -> Section:
    """The section for these answers to the raw rows of the test part, ``(rows, outputs)``.

    Of several outputs it holds what there is to see of each.
    """
    if isinstance(answers, Mapping):
        return _together(
            {name: section(one, answers[name]) for name, one in heads.every(data).items()}
        )
    scores = score(data, "test", answers)
    measured = {f"{words.TEST}{k}": v for k, v in scores.items() if isinstance(v, float)}
    text = f"On the {len(answers):,} rows of the test part: {words.measures(measured, words.TEST)}."
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
            colorscale=[[0.0, "#f4f6f9"], [1.0, style.BLUE]],
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    style.styled(
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
                (str(label["label"]), *(words.number(label[name]) for name in numbers))
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
    expected = data.raw_targets("test").reshape(len(answers), -1)[:, 0]
    values = answers.reshape(len(answers), -1)[:, 0]
    rows = spread(range(len(values)), POINTS)
    x, y = values[rows].tolist(), (expected - values)[rows].tolist()
    figure = go.Figure(
        go.Scatter(
            x=x, y=y, mode="markers", marker={"color": style.BLUE, "size": 5, "opacity": 0.5}
        )
    )
    figure.add_hline(y=0, line={"color": style.INK, "width": 1})
    style.styled(
        figure,
        xaxis={"title": {"text": "predicted"}},
        yaxis={"title": {"text": "true minus predicted"}},
    )
    return Section(
        title=TITLE,
        text=[text, f"Residuals of {len(rows):,} of {len(values):,} rows, in the targets' unit."],
        pictures=[Picture(figure=figure, alt="Residuals on the test part")],
    )
