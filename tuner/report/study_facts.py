"""Everything that a report tells, read from the store with a handful of queries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from optuna.distributions import BaseDistribution

from search_spaces.errors import SpaceError
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Range
from storage import attempts, overview, trials
from storage.attempts import Attempt
from storage.database.engine import Store
from storage.learning_curves import Curve, read_curves, sampled_from
from storage.overview import Status
from storage.studies import Study
from storage.trials import TrialRecord
from tuner import formatting
from tuner.datasets.sources import user_function
from tuner.errors import UserError
from tuner.report.document import Section
from tuner.report.downsample import downsample
from tuner.studies.loading import unchecked_space
from tuner.studies.objective import Objective, objective_of, objectives_of
from tuner.studies.study_spec import StudySpec

BEST_CURVES = 5  # trials whose learning curves are drawn with their training loss
PRUNED_CURVES = 40
STOPPED = ("pruned", "resting")  # states of trials that others were better than


@dataclass(frozen=True, kw_only=True)
class StudyFacts:
    """A study as a report shows it.

    Attributes:
        trials: All of them, by number.
        ranking: The complete ones, best first; with several objectives those of the front, then
            the others, both by the first objective.
        curves: By trial id, of the best and of some pruned or resting trials.
        ranges: What each parameter was sampled from, see ``storage.learning_curves.sampled_from``.
        searched: What the space says that each parameter may be, in words; empty where it is the
            user's own or not what it was.
        scoring: What the best model predicts, where it was asked.
    """

    status: Status
    trials: list[TrialRecord]
    ranking: list[TrialRecord]
    attempts: list[Attempt]
    curves: dict[int, Curve]
    ranges: dict[str, list[BaseDistribution]]
    searched: dict[str, str] = field(default_factory=dict)
    scoring: Section | None = None

    @property
    def objective(self) -> Objective:
        """What its trials are compared by; the first objective."""
        return objective_of(self.status.study)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All objectives."""
        return objectives_of(self.status.study)

    @property
    def front(self) -> tuple[TrialRecord, ...]:
        """With several objectives, the complete trials that no other one dominates."""
        return self.status.front

    @property
    def measured(self) -> list[TrialRecord]:
        """The ended and resting trials that have a value, by number."""
        return [trial for trial in self.of("complete", *STOPPED) if trial.value is not None]

    def of(self, *states: str) -> list[TrialRecord]:
        """The trials in one of these states, by number."""
        return [trial for trial in self.trials if trial.state in states]


def gather(store: Store, study: Study) -> StudyFacts:
    """Reads a study.

    Raises:
        UserError: None of its trials has ended.
    """
    status = overview.status(store, study)
    records = trials.list_trials(store, study)
    if not status.trials.ended:
        raise UserError(
            f"Expected a study with a trial that has ended. Received: {study.name!r}, which has "
            f"none yet: see how far it is with: tuner status {study.typed}"
        )
    ranking = _ranking(records, study.sign)
    if study.further:
        on_front = {trial.trial_id for trial in status.front}
        ranking = [*status.front, *(t for t in ranking if t.trial_id not in on_front)]
    drawn = [*ranking[:BEST_CURVES], *drawn_pruned(records)]
    return StudyFacts(
        status=status,
        trials=records,
        ranking=ranking,
        attempts=attempts.list_attempts(store, study),
        curves=read_curves(store, [trial.trial_id for trial in drawn]),
        ranges=sampled_from(store, study),
        searched=_searched(study),
    )


def _searched(study: Study) -> dict[str, str]:
    """Of a space of ours; the user's own would have to be run."""
    spec = StudySpec.from_dict(study.spec)
    of_function = spec.data.arguments and user_function.accepts(spec.data.source)
    if ":" in spec.space or of_function:
        return {}
    try:
        space = unchecked_space(spec)
    except SpaceError:
        return {}
    if space.fingerprint() != spec.space_fingerprint:
        return {}  # made by another version, whose ranges may have been others
    return {name: _in_words(parameter) for name, parameter in space.parameters.items()}


def _in_words(parameter: Parameter) -> str:
    if isinstance(parameter, Choice):
        return ", ".join(map(formatting.setting, parameter.values))
    if not isinstance(parameter, Range):
        return parameter.text
    step = "" if parameter.step is None else f" by {formatting.setting(parameter.step)}"
    scale = ", logarithmic" if parameter.log else ""
    return (
        f"{formatting.setting(parameter.low)} to {formatting.setting(parameter.high)}{step}{scale}"
    )


def drawn_pruned(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The pruned or resting trials whose curves are drawn, spread over the study."""
    return downsample([trial for trial in records if trial.state in STOPPED], PRUNED_CURVES)


def _ranking(records: Sequence[TrialRecord], sign: int) -> list[TrialRecord]:
    complete = [trial for trial in records if trial.state == "complete" and trial.value is not None]
    return sorted(complete, key=lambda trial: (sign * (trial.value or 0.0), trial.number))


def planned_steps(study: Study, trial: TrialRecord) -> int | None:
    """How many epochs or trainings a trial was to have; None where that is not known."""
    if formatting.rounds(study) > 1:
        return formatting.rounds(study)
    planned = trial.hyperparameters.get("epochs")
    if isinstance(planned, bool) or not isinstance(planned, (int, float)):
        return None
    return max(int(planned), trial.epoch) if math.isfinite(planned) else None
