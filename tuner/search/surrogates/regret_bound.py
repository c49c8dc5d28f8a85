"""How much better a study could still get: the bound on its regret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from tuner.search.surrogates.candidates import BEST, Candidates
from tuner.search.surrogates.gaussian_process import GaussianProcess, most_likely
from tuner.search.surrogates.known_points import trial_losses
from tuner.search.surrogates.point_encoding import PointEncoding
from tuner.search.surrogates.surrogate_sampler import common_space

LEAST = 30  # complete trials: fewer say little
STALE = 15  # trials without a better one: a model that has just been surprised is not trusted
SMALL = 0.5  # of the way from the best loss to the median one: what is not worth more trials
DOUBT = 0.1  # how likely the bound may be wrong, were the model true
# Of beta, whose theory is too cautious: so the bound held in 95 % of looks at published tables
# (`benchmarks/samplers.py`), with Optuna's 0.2 in 75 %, with 1 always.
SCALE = 0.5


@dataclass(frozen=True)
class RegretBound:
    """What a model of the losses says about a study.

    Attributes:
        best: The best value so far, lower is better.
        better: How much lower than the best point so far the loss could be anywhere, at most.
        noise: By how much two trainings of one point differ, as a standard deviation.
        spread: From the best loss to the median one.
        stale: How many trials have ended without a better one.
    """

    best: float
    better: float
    noise: float
    spread: float
    stale: int

    @property
    def is_flat(self) -> bool:
        """Whether more trials are not worth their time."""
        return self.stale >= STALE and self.better <= max(self.noise, SMALL * self.spread)


def regret_bound(trials: Sequence[FrozenTrial], sign: int, seed: int) -> RegretBound | None:
    """Returns the bound on the regret of a study, in the unit of its objective.

    The lowest upper confidence bound at a point that was tried, less the lowest lower one
    anywhere: Makarova et al., "Automatic Termination for Hyperparameter Optimization", 2022. The
    Gaussian process is that of the sampler; losses worse than the median count as the median, so
    that a few that diverged do not hide what the good ones differ by.

    Args:
        trials: All of a study.
        sign: 1 where lower values are better, -1 where higher ones are.
        seed: Of where the lowest bound is looked for.

    Returns:
        The bound; None where too few trials are complete, or nothing is searched.
    """
    ended = [t for t in trials if t.params and t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    space = common_space(ended)
    if sum(t.state == TrialState.COMPLETE for t in ended) < LEAST or not space:
        return None
    losses = trial_losses(ended, sign)
    middle = float(np.median(losses[np.isfinite(losses)]))
    losses = np.minimum(losses, middle)
    best = int(np.argmin(losses))
    stale = len(losses) - 1 - best
    mean, scale, spread = losses.mean(), losses.std(), float(middle - losses[best])
    if scale == 0:
        return RegretBound(
            best=float(losses[best]), better=0.0, noise=0.0, spread=spread, stale=stale
        )
    encoding = PointEncoding(space)
    rows, values = encoding.encode([trial.params for trial in ended]), (losses - mean) / scale
    learned = encoding.features(rows)
    theta = most_likely(*learned, values)
    process = GaussianProcess(*learned, values, theta)
    width = np.sqrt(_beta(len(space), len(ended)))

    def lower(points: np.ndarray) -> np.ndarray:
        means, deviations = process.predict(encoding.features(points)[0])
        return np.asarray(means - width * deviations)

    means, deviations = process.predict(learned[0])
    upper = (means + width * deviations).min()
    candidates = Candidates(encoding, rows, np.random.default_rng(seed))
    around = rows[np.argsort(losses, kind="stable")[:BEST]]
    lowest = candidates.best(lambda points: -lower(points), around)
    possible = min(lower(lowest[None])[0], (means - width * deviations).min())
    return RegretBound(
        best=float(losses[best]),
        better=float(scale * max(0.0, upper - possible)),
        noise=float(scale * np.exp(theta[-1] / 2)),
        spread=spread,
        stale=stale,
    )


def _beta(parameters: int, trials: int) -> float:
    """Srinivas et al., "Gaussian Process Optimization in the Bandit Setting", 2010, theorem 1."""
    return float(SCALE * 2 * np.log(parameters * trials**2 * np.pi**2 / (6 * DOUBT)))
