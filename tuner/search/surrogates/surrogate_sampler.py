"""`SurrogateSampler`: proposes the point from which a model expects the most improvement."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from scipy.special import ndtr

from tuner.search.past_scores import LearnsFromPast
from tuner.search.surrogates.candidates import BEST, Candidates
from tuner.search.surrogates.feasibility import Feasibility
from tuner.search.surrogates.known_points import KnownPoints
from tuner.search.surrogates.point_encoding import PointEncoding

# Of so many draws the one farthest from all others; of many it would always be a corner.
APART = 5
LEAST = 2  # ended trials, that a model of what they add to past ones is learned from


class Surrogate(Protocol):
    """A model of losses."""

    def __call__(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns mean and standard deviation at points, both of shape (points,)."""


class SurrogateSampler(LearnsFromPast, BaseSampler):
    """A sampler of Optuna that learns a model of the losses, and tries where it expects progress.

    Works on one objective. Losses count by their ranks alone, as normal scores, so that one
    diverged trial does not flatten all others. A pruned trial counts as its last report, but not as
    better than half of the complete ones; one that ran out of memory as the worst. How likely a
    point satisfies constraints on numbers is learned apart. Parameters that exist under conditions
    are learned from the trials that have them. What past studies found is expected at first, and
    fades.

    Args:
        seed: Of everything random, in [0, 2**31).
        startup: How many trials end before the model is asked; until then points lie apart.
    """

    def __init__(self, seed: int, *, startup: int = 8) -> None:
        self._rng = np.random.default_rng(seed)
        self._independent = RandomSampler(seed=seed)
        self._startup = startup

    @abstractmethod
    def fit(self, known: KnownPoints, encoding: PointEncoding) -> Surrogate:
        """Returns a model of what past trials showed."""

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Returns all parameters that past trials had, but those whose range has changed."""
        return common_space(study.get_trials(deepcopy=False))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Returns a value for each parameter of the search space."""
        if not search_space:
            return {}
        encoding = PointEncoding(search_space)
        known = KnownPoints.of(study, trial, encoding, self.past)
        chosen = self._choose(known, encoding)
        # Where a condition was learned wrongly, the code asks for what was left out.
        return encoding.decode(np.where(np.isnan(chosen), encoding.draw(self._rng, 1)[0], chosen))

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draws a parameter that no trial had so far."""
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Draws other numbers from now on."""
        self._rng = np.random.default_rng()
        self._independent.reseed_rng()

    def _choose(self, known: KnownPoints, encoding: PointEncoding) -> np.ndarray:
        candidates = Candidates(encoding, known.all_rows, self._rng)
        feasibility = Feasibility(known, encoding)
        if len(known.scores) < self._startup and known.past is None:
            likely = _likely(candidates.drawn, feasibility)
            return _farthest(likely[:APART], known.all_rows, encoding)
        around = known.best_rows(BEST)
        if len(known.scores) < LEAST:
            return candidates.best(
                lambda rows: feasibility(rows) - known.expected(rows), around, rounds=0
            )
        residuals = self.fit(known, encoding)

        def predict(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            means, deviations = residuals(encoding.features(rows)[0])
            return means + known.expected(rows), deviations

        # The best that was believed, not seen: a lucky trial does not raise the bar.
        best = predict(known.rows)[0].min()
        return candidates.best(
            lambda rows: expected_improvement(best, *predict(rows)) * feasibility(rows), around
        )


def _likely(drawn: np.ndarray, feasibility: Feasibility) -> np.ndarray:
    """The drawn points that are as likely to be possible as not, or the likeliest ones."""
    chances = feasibility(drawn)
    least = min(0.5, np.sort(chances)[-APART])
    return np.asarray(drawn[chances >= least])


def common_space(trials: Sequence[FrozenTrial]) -> dict[str, BaseDistribution]:
    """Returns all parameters that trials had, but those whose range changed or is one value."""
    space: dict[str, BaseDistribution] = {}
    changed = set()
    for past in trials:
        for name, distribution in past.distributions.items():
            if space.setdefault(name, distribution) != distribution:
                changed.add(name)
    return {n: d for n, d in space.items() if n not in changed and not d.single()}


def expected_improvement(best: float, means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Returns how far below the best each candidate is expected to come, shape (candidates,).

    Jones, Schonlau and Welch, "Efficient Global Optimization of Expensive Black-Box Functions",
    1998, equation 15.
    """
    z = (best - means) / deviations
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return np.asarray(deviations * (z * ndtr(z) + density))


def _farthest(drawn: np.ndarray, seen: np.ndarray, encoding: PointEncoding) -> np.ndarray:
    """The drawn point that is farthest from all that were seen."""
    if not len(seen):
        return np.asarray(drawn[0])
    features = encoding.features(np.concatenate([drawn, seen]))[0]
    some, others = features[: len(drawn)], features[len(drawn) :]
    squares = ((some[:, None] - others[None]) ** 2).sum(2)
    return np.asarray(drawn[np.argmax(squares.min(1))])
