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

    Attributes:
        rows: Points of ended trials, shape (trials, parameters), in the order of their numbers.
        scores: Their losses as normal scores, lower is better, shape (trials,).
        values: ``scores`` less what was expected of them, shape (trials,).
        pending: Points of trials that run, shape (running, parameters).
        all_rows: ``rows`` and ``pending``.
    """

    def __init__(
        self,
        ended: Sequence[FrozenTrial],
        running: Sequence[FrozenTrial],
        sign: int,
        encoding: PointEncoding,
        past: PastMean | None = None,
    ) -> None:
        self._ended, self._sign, self._encoding = ended, sign, encoding
        self.past = past
        self.rows = encoding.encode([trial.params for trial in ended])
        self.scores = normal_scores(_losses(ended, sign))
        means = self.expected(self.rows)
        # Only the shape of what is expected matters: this study's scores have their own middle.
        self.values = self.scores - (means - (means.mean() if len(means) else 0.0))
        self.pending = encoding.encode([trial.params for trial in running])
        self.all_rows = np.concatenate([self.rows, self.pending])

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
        running = [t for t in others if t.state == TrialState.RUNNING]
        mean = None if past is None else PastMean(past, encoding, len(ended))
        return cls(ended, running, sign, encoding, mean or None)

    def best_rows(self, count: int) -> np.ndarray:
        """Returns the best points, and as many past ones, shape (up to 2 * count, parameters)."""
        own = self.rows[np.argsort(self.scores, kind="stable")[:count]]
        return own if self.past is None else np.concatenate([own, self.past.best_rows[:count]])

    def first(self, count: int) -> KnownPoints:
        """What was known when so many trials had ended."""
        return KnownPoints(self._ended[:count], (), self._sign, self._encoding, self.past)


def _losses(trials: Sequence[FrozenTrial], sign: int) -> np.ndarray:
    """What each trial counts as, lower is better, infinite where it is unknown, shape (trials,)."""
    complete = [
        sign * t.value for t in trials if t.state == TrialState.COMPLETE and t.value is not None
    ]
    middle = float(np.median(complete)) if complete else -np.inf
    losses = []
    for trial in trials:
        reports = trial.intermediate_values
        if any(bound > 0 for bound in trial.constraints.values()):
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
