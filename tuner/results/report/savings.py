"""What pruning saved: epochs that were planned and not trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from storage.trials import TrialRecord
from tuner.results.report import style
from tuner.results.report.facts import planned_epochs


@dataclass(frozen=True, kw_only=True)
class Savings:
    """Epochs of a study's complete and pruned trials.

    Attributes:
        pruned: How many trials were pruned.
        planned: Epochs that all of them were to train.
        spared: Epochs of pruned trials that were not trained.
        seconds: What those would have taken, at the pace of each trial.
    """

    pruned: int
    planned: int
    spared: int
    seconds: float

    @property
    def share(self) -> float:
        """Of the planned epochs, 0 to 1."""
        return self.spared / self.planned if self.planned else 0.0


def savings(trials: Sequence[TrialRecord]) -> Savings:
    """Counts over the trials that are complete or pruned."""
    pruned = [trial for trial in trials if trial.state == "pruned"]
    ended = [trial for trial in trials if trial.state in ("complete", "pruned")]
    return Savings(
        pruned=len(pruned),
        planned=sum(planned_epochs(trial) or trial.epoch for trial in ended),
        spared=sum(_spared(trial) for trial in pruned),
        seconds=sum(
            _spared(trial) * trial.seconds / trial.epoch
            for trial in pruned
            if trial.seconds is not None and trial.epoch
        ),
    )


def _spared(trial: TrialRecord) -> int:
    return (planned_epochs(trial) or trial.epoch) - trial.epoch


def lengths(trials: Sequence[TrialRecord]) -> Any:
    """How many trials ended after so many epochs."""
    figure = go.Figure()
    ended = [trial for trial in trials if trial.state in ("complete", "pruned")]
    for state, colour in (("complete", style.BLUE), ("pruned", style.GREY)):
        count = Counter(trial.epoch for trial in trials if trial.state == state)
        if count:
            epochs = sorted(count)
            figure.add_bar(
                x=epochs,
                y=[count[epoch] for epoch in epochs],
                name=state,
                marker={"color": colour, "line": {"width": 0}},
            )
    return style.styled(
        figure,
        barmode="stack",
        showlegend=True,
        xaxis=style.whole(sorted({trial.epoch for trial in ended}), "epochs trained"),
        yaxis={"title": {"text": "trials"}, "rangemode": "tozero"},
    )
