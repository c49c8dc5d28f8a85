"""Several studies on one page: their table, and how their best losses fell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import plotly.graph_objects as go

from tuner import formatting
from tuner.report import figure_style
from tuner.report.comparison import Step, StudyRow
from tuner.report.document import Document, Picture, Section, Table

NUMBERS = ("trials", "best", "last quarter", "to 5 %", "in", "time")
EXPLAINED = (
    "Best: the {extreme} {text} of a complete trial. Last quarter: the median of the "
    "last quarter of the trials, which shows where a sampler has got to. To 5 %: trials and time "
    "until a study came within 5 % of the best of all."
)


def explained(rows: Sequence[StudyRow]) -> str:
    """What the columns mean."""
    objective = rows[0].objective
    return EXPLAINED.format(extreme=objective.extreme, text=objective.text)


def cells(row: StudyRow) -> tuple[str, ...]:
    """A study's row of the table."""
    return (
        row.study,
        row.space,
        row.sampler,
        f"{row.ended:,}",
        formatting.number(row.best),
        formatting.number(row.last_quarter),
        "-" if row.close_trials is None else f"{row.close_trials:,}",
        formatting.duration(row.close_seconds),
        formatting.duration(row.seconds),
    )


def compose_comparison(rows: Sequence[StudyRow], data: str, *, written: str = "") -> Document:
    """The page of a comparison.

    Args:
        data: What all of them were trained on.
    """
    table = Table(
        columns=("study", "space", "sampler", *NUMBERS),
        rows=[cells(row) for row in rows],
        right=frozenset(NUMBERS),
    )
    by_trials = _falls(rows, "ended trials", lambda step: step.trials, lambda row: row.ended)
    by_seconds = _falls(
        rows, "seconds since its first trial", lambda step: step.seconds, lambda row: row.seconds
    )
    pictures = [
        Picture(figure=by_trials, alt="Best value of each study by trials"),
        Picture(figure=by_seconds, alt="Best value of each study by seconds"),
    ]
    return Document(
        title=" against ".join(row.study for row in rows) if len(rows) == 2 else "Comparison",
        subtitle=f"{len(rows)} studies of {data}",
        verdict=comparison_verdict(rows),
        tiles=[],
        sections=[
            Section(title="Studies", text=[explained(rows)], table=table),
            Section(
                title=f"Best {rows[0].objective.text} so far", pictures=pictures, layout="grid"
            ),
        ],
        footer=written,
    )


def comparison_verdict(rows: Sequence[StudyRow]) -> str:
    """Which study found the best trial, and which one was close to it first."""
    done = [row for row in rows if row.best is not None]
    if not done:
        return "None of the studies has a complete trial yet."
    objective = done[0].objective
    best = min(done, key=lambda row: objective.sign * (row.best or 0.0))
    soon = min(
        (row for row in done if row.close_trials is not None),
        key=lambda row: row.close_trials or 0,
    )
    number = formatting.number(best.best)
    line = f"{best.study} found the {objective.extreme} {objective.text}, {number}"
    after = f"after {soon.close_trials} trial{'' if soon.close_trials == 1 else 's'}"
    if soon is best:
        return f"{line}, and came within 5 % of it first, {after}."
    return f"{line}; {soon.study} came within 5 % of it first, {after}."


def _falls(
    rows: Sequence[StudyRow],
    title: str,
    x: Callable[[Step], float],
    end: Callable[[StudyRow], float],
) -> Any:
    figure = go.Figure()
    names = figure_style.labels(row.study for row in rows)
    for row, name in zip(rows, names, strict=True):
        if not row.steps:
            continue
        last = row.steps[-1]
        figure.add_scatter(
            x=[*(x(step) for step in row.steps), max(end(row), x(last))],
            y=[*(step.value for step in row.steps), last.value],
            name=name,
            mode="lines+markers",
            line={"shape": "hv", "width": 2},
            marker={"size": 5},
        )
    values = [step.value for row in rows for step in row.steps]
    return figure_style.styled(
        figure,
        showlegend=True,
        xaxis={"title": {"text": title}, "rangemode": "tozero"},
        yaxis=figure_style.scale(values, f"best {rows[0].objective.text}"),
    )
