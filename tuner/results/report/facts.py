"""Everything that a report tells, read from the store with a handful of queries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.distributions import BaseDistribution

from storage import attempts, overview, trials
from storage.attempts import Attempt
from storage.curves import Curve, curves, sampled_from
from storage.engine import Store
from storage.overview import Status
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.errors import UserError
from tuner.goal import Goal, goal_of, goals_of
from tuner.results.report.thinning import spread

BEST_CURVES = 5  # trials whose learning curves are drawn with their training loss
PRUNED_CURVES = 40


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A study as a report shows it.

    Attributes:
        trials: All of them, by number.
        ranking: The complete ones, best first; with several objectives those of the front, then
            the others, both by the first objective.
        curves: By trial id, of the best and of some pruned trials.
        ranges: What each parameter was sampled from, see ``storage.curves.sampled_from``.
    """

    status: Status
    trials: list[TrialRecord]
    ranking: list[TrialRecord]
    attempts: list[Attempt]
    curves: dict[int, Curve]
    ranges: dict[str, list[BaseDistribution]]

    @property
    def goal(self) -> Goal:
        """What its trials are compared by; the first objective."""
        return goal_of(self.status.study)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """All objectives."""
        return goals_of(self.status.study)

    @property
    def front(self) -> tuple[TrialRecord, ...]:
        """With several objectives, the complete trials that no other one dominates."""
        return self.status.front

    @property
    def measured(self) -> list[TrialRecord]:
        """The ended trials that have a value, by number."""
        return [trial for trial in self.of("complete", "pruned") if trial.value is not None]

    def of(self, *states: str) -> list[TrialRecord]:
        """The trials in one of these states, by number."""
        return [trial for trial in self.trials if trial.state in states]


def gather(store: Store, study: Study) -> Facts:
    """Reads a study.

    Raises:
        UserError: None of its trials has ended.
    """
    status = overview.status(store, study)
    found = trials.list_trials(store, study)
    if not status.trials.ended:
        raise UserError(
            f"Expected a study with a trial that has ended. Received: {study.name!r}, which has "
            f"none yet: see how far it is with: tuner status {study.name}"
        )
    ranking = _ranking(found, study.sign)
    if study.further:
        on_front = {trial.trial_id for trial in status.front}
        ranking = [*status.front, *(t for t in ranking if t.trial_id not in on_front)]
    drawn = [*ranking[:BEST_CURVES], *drawn_pruned(found)]
    return Facts(
        status=status,
        trials=found,
        ranking=ranking,
        attempts=attempts.list_attempts(store, study),
        curves=curves(store, [trial.trial_id for trial in drawn]),
        ranges=sampled_from(store, study),
    )


def drawn_pruned(found: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The pruned trials whose learning curves are drawn, spread over the study."""
    return spread([trial for trial in found if trial.state == "pruned"], PRUNED_CURVES)


def _ranking(found: Sequence[TrialRecord], sign: int) -> list[TrialRecord]:
    complete = [trial for trial in found if trial.state == "complete" and trial.value is not None]
    return sorted(complete, key=lambda trial: (sign * (trial.value or 0.0), trial.number))


def planned_epochs(trial: TrialRecord) -> int | None:
    """How many epochs a trial was to train; None where that is not known."""
    planned = trial.hyperparameters.get("epochs")
    if isinstance(planned, bool) or not isinstance(planned, (int, float)):
        return None
    return max(int(planned), trial.epoch) if math.isfinite(planned) else None
