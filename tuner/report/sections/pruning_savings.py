"""What pruning saved: epochs, or trainings of several, that were planned and did not take place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from storage.studies import Study
from storage.trials import TrialRecord
from tuner import formatting
from tuner.report import figure_style
from tuner.report.document import Picture, Section
from tuner.report.downsample import count_of
from tuner.report.study_facts import STOPPED, StudyFacts, planned_steps


@dataclass(frozen=True, kw_only=True)
class Savings:
    """Epochs of a study's complete and stopped trials, or trainings where a trial has several.

    Attributes:
        pruned: How many trials were stopped: pruned, or resting.
        planned: Those that all of them were to have; 0 where nobody knows.
        spared: Those that stopped trials did not have.
        seconds: What those would have taken, at the pace of the complete trials: those that were
            stopped early spent most of their time on their start. 0 where none is complete.
    """

    pruned: int
    planned: int
    spared: int
    seconds: float

    @property
    def share(self) -> float:
        """Of the planned ones, 0 to 1."""
        return self.spared / self.planned if self.planned else 0.0


def sections(facts: StudyFacts) -> Iterator[Section]:
    """One, where a trial was pruned or rests."""
    study = facts.status.study
    saved, steps = savings(study, facts.trials), f"{formatting.step(study)}s"
    if not saved.pruned:
        return
    text = f"Stopped early: {count_of(saved.pruned, len(facts.of('complete', *STOPPED)), 'trial')}."
    if saved.planned:
        share, time = f"{saved.share:.0%}", formatting.duration(saved.seconds)
        text += f" {saved.spared:,} of {saved.planned:,} planned {steps} ({share}) were spared"
        text += f", about {time} of training." if saved.seconds else "."
    if resumed := facts.status.promotions:
        text += (
            f" {formatting.promotions(resumed).capitalize()}, from its checkpoint: it was "
            "among the best of its rung by then."
        )
    alt = f"How many trials ended after how many {steps}"
    picture = Picture(figure=lengths(facts.trials, steps), alt=alt, height=300)
    yield Section(title="What pruning saved", text=[text], pictures=[picture])


def savings(study: Study, trials: Sequence[TrialRecord]) -> Savings:
    """Counts over the trials that are complete, pruned or resting."""
    pruned = [trial for trial in trials if trial.state in STOPPED]
    ended = [trial for trial in trials if trial.state in ("complete", *STOPPED)]
    planned = [planned_steps(study, trial) for trial in ended]
    is_known = any(steps is not None for steps in planned)  # of phases, only their code knows
    spared = sum(_spared(study, trial) for trial in pruned)
    return Savings(
        pruned=len(pruned),
        planned=sum(s or t.epoch for s, t in zip(planned, ended, strict=True)) if is_known else 0,
        spared=spared,
        seconds=spared * _pace([trial for trial in ended if trial.state == "complete"]),
    )


def _pace(trials: Sequence[TrialRecord]) -> float:
    """Seconds of an epoch or a training; 0 where nobody knows."""
    epochs = sum(trial.epoch for trial in trials)
    return sum(trial.seconds or 0.0 for trial in trials) / epochs if epochs else 0.0


def _spared(study: Study, trial: TrialRecord) -> int:
    return (planned_steps(study, trial) or trial.epoch) - trial.epoch


def lengths(trials: Sequence[TrialRecord], steps: str) -> Any:
    """How many trials ended after so many epochs or trainings."""
    figure = go.Figure()
    ended = [trial for trial in trials if trial.state in ("complete", *STOPPED)]
    colours = {
        "complete": figure_style.BLUE,
        "pruned": figure_style.GREY,
        "resting": figure_style.PALE,
    }
    for state, colour in colours.items():
        count = Counter(trial.epoch for trial in trials if trial.state == state)
        if count:
            epochs = sorted(count)
            figure.add_bar(
                x=epochs,
                y=[count[epoch] for epoch in epochs],
                name=state,
                marker={"color": colour, "line": {"width": 0}},
            )
    return figure_style.styled(
        figure,
        barmode="stack",
        showlegend=True,
        xaxis=figure_style.whole(sorted({trial.epoch for trial in ended}), f"{steps} of a trial"),
        yaxis={"title": {"text": "trials"}, "rangemode": "tozero"},
    )
