"""The best trial and those behind it: hyperparameters, predictions, and a table."""

from __future__ import annotations

from collections.abc import Iterator

from tuner import formatting
from tuner.report import searched_ranges
from tuner.report.document import Section, Table
from tuner.report.downsample import count_of
from tuner.report.study_facts import StudyFacts

TOP = 10  # trials in the table


def hyperparameters(facts: StudyFacts) -> Iterator[Section]:
    """Those of the best trial, beside what was searched."""
    if not facts.ranking:
        return
    best = facts.ranking[0]
    rows = [
        (name, formatting.setting(value), searched_ranges.searched(name, facts))
        for name, value in best.hyperparameters.items()
    ]
    lines = [
        f"{part}: {measured}."
        for part, prefix in (("Validation", formatting.VALIDATION), ("Test", formatting.TEST))
        if (measured := formatting.measures(best.metrics, prefix, facts.status.study))
    ]
    if facts.front:
        lines.insert(
            0, f"Of trial {best.number}, by the {facts.objective.text} the best of the front."
        )
    where = f"Model: {best.model}" if best.model else "Its model file was not kept."
    yield Section(
        title="Best hyperparameters",
        text=[*lines, where],
        table=Table(
            columns=("hyperparameter", "value", "range"), rows=rows, right=frozenset({"value"})
        ),
    )


def predictions(facts: StudyFacts) -> Iterator[Section]:
    """What the best model predicts, or how to have it."""
    if not facts.ranking:
        return
    if facts.scoring is not None:
        yield facts.scoring
        return
    name = facts.status.study.typed
    yield Section(
        title="Predictions of the best model",
        text=[
            "Left out, as was asked. To have them here, which takes TensorFlow and the data: "
            f"tuner report {name}"
        ],
    )


def ranking(facts: StudyFacts) -> Iterator[Section]:
    """The best trials in a table."""
    if not facts.ranking:
        return
    rows = [
        (
            str(trial.number),
            formatting.number(trial.value),
            formatting.best_step(facts.status.study, trial),
            formatting.duration(trial.seconds),
            formatting.settings(trial.hyperparameters),
        )
        for trial in facts.ranking[:TOP]
    ]
    shown = count_of(len(rows), len(facts.ranking), "complete trial")
    if facts.front:
        shown += ", those of the Pareto front first"
    value = facts.objective.measured
    step = "trainings" if formatting.rounds(facts.status.study) > 1 else "best epoch"
    yield Section(
        title="Best trials",
        text=[f"{shown.capitalize()}. All trials: tuner trials {facts.status.study.typed} --csv"],
        table=Table(
            columns=("trial", value, step, "time", "hyperparameters"),
            rows=rows,
            right=frozenset({"trial", value, step, "time"}),
        ),
    )
