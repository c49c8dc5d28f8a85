"""What past trials showed: their points, and their losses as numbers that a model can learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.special import ndtri
from scipy.stats import rankdata

from tuner.search.past_scores import PastScores
from tuner.search.surrogates.past_mean import PastMean
from tuner.search.surrogates.point_encoding import PointEncoding


class KnownPoints:
    """What past trials showed.

    Args:
        ended: Trials that are complete or pruned, by number.
        running: Trials that run.
        sign: 1 where lower values are better, -1 where higher ones are.
        encoding: Of their parameters.
        past: What past studies lead one to expect; None for nothing.
        refused: Trials that violate a constraint which is measured: they have no loss.

    Attributes:
        rows: Points of ended trials, shape (trials, parameters), in the order of their numbers.
        scores: Their losses as normal scores, lower is better, shape (trials,).
        values: ``scores`` less what was expected of them, shape (trials,).
        refused: Points that violate a measured constraint, shape (refused, parameters).
        margins: By how much the points of ``rows`` and ``refused`` violate constraints, above 0
            where they do, NaN where that is not known, shape (trials + refused,).
        pending: Points of trials that run, shape (running, parameters).
        all_rows: ``rows``, ``refused`` and ``pending``.
    """

    def __init__(
        self,
        ended: Sequence[FrozenTrial],
        running: Sequence[FrozenTrial],
        sign: int,
        encoding: PointEncoding,
        past: PastMean | None = None,
        refused: Sequence[FrozenTrial] = (),
    ) -> None:
        self._ended, self._sign, self._encoding = ended, sign, encoding
        self.past = past
        self.rows = encoding.encode([trial.params for trial in ended])
        self.scores = normal_scores(trial_losses(ended, sign))
        means = self.expected(self.rows)
        # Only the shape of what is expected matters: this study's scores have their own middle.
        self.values = self.scores - (means - (means.mean() if len(means) else 0.0))
        self.pending = encoding.encode([trial.params for trial in running])
        self.refused = encoding.encode([trial.params for trial in refused])
        self.all_rows = np.concatenate([self.rows, self.refused, self.pending])
        measured = _measured(ended)
        self.margins = np.array([_margin(trial, measured) for trial in (*ended, *refused)])

    def expected(self, rows: np.ndarray) -> np.ndarray:
        """Returns what is expected of points before any trial, shape (points,)."""
        return np.zeros(len(rows)) if self.past is None else self.past(rows)

    @classmethod
    def of(
        cls,
        study: Study,
        trial: FrozenTrial,
        encoding: PointEncoding,
        past: PastScores | None = None,
    ) -> KnownPoints:
        """Reads the trials of a study, but one.

        Args:
            past: What past studies found.
        """
        sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
        trials = study.get_trials(deepcopy=False)
        others = [t for t in trials if t.params and t.number != trial.number]
        ended = [t for t in others if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        measured = _measured(ended)
        refused = [t for t in ended if _margin(t, measured) > 0]
        ended = [t for t in ended if not _margin(t, measured) > 0]
        running = [t for t in others if t.state == TrialState.RUNNING]
        mean = None if past is None else PastMean(past, encoding, len(ended))
        return cls(ended, running, sign, encoding, mean or None, refused)

    def best_rows(self, count: int) -> np.ndarray:
        """Returns the best points, and as many past ones, shape (up to 2 * count, parameters)."""
        own = self.rows[np.argsort(self.scores, kind="stable")[:count]]
        return own if self.past is None else np.concatenate([own, self.past.best_rows[:count]])

    def first(self, count: int) -> KnownPoints:
        """What was known when so many trials had ended."""
        return KnownPoints(self._ended[:count], (), self._sign, self._encoding, self.past)


def _is_refused(trial: FrozenTrial) -> bool:
    return any(margin > 0 for margin in trial.constraints.values())


def _measured(trials: Sequence[FrozenTrial]) -> frozenset[str]:
    """The constraints of which trials say how far they are from violating them.

    Running out of memory is none: it says nothing before it happens.
    """
    return frozenset(n for t in trials if not _is_refused(t) for n in t.constraints)


def _margin(trial: FrozenTrial, measured: frozenset[str]) -> float:
    """By how much a trial violates what is measured, the worst of it; NaN where it does not say."""
    known = [margin for name, margin in trial.constraints.items() if name in measured]
    return max(known, default=np.nan)


def trial_losses(trials: Sequence[FrozenTrial], sign: int) -> np.ndarray:
    """Returns what each trial counts as, infinite where that is unknown, shape (trials,).

    Args:
        trials: That have ended.
        sign: 1 where lower values are better, -1 where higher ones are; here lower is better.
    """
    complete = [
        sign * t.value for t in trials if t.state == TrialState.COMPLETE and t.value is not None
    ]
    middle = float(np.median(complete)) if complete else -np.inf
    losses = []
    for trial in trials:
        reports = trial.intermediate_values
        if _is_refused(trial):
            losses.append(np.inf)
        elif trial.state == TrialState.COMPLETE and trial.value is not None:
            losses.append(sign * trial.value)
        elif reports:
            losses.append(max(sign * reports[max(reports)], middle))
        else:
            losses.append(np.inf)
    return np.asarray(np.nan_to_num(losses, nan=np.inf, posinf=np.inf), dtype=float)


def normal_scores(losses: np.ndarray) -> np.ndarray:
    """Returns the quantiles of a normal distribution that the ranks of losses stand for.

    Salinas, Shen and Perrone, "A Quantile-Based Approach for Hyperparameter Transfer Learning",
    2020. Equal losses have equal scores.

    Args:
        losses: Shape (trials,); may be infinite.
    """
    if not len(losses):
        return losses
    return np.asarray(ndtri((rankdata(losses) - 0.5) / len(losses)))
