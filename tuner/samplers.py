"""Samplers by name: how the hyperparameters of a trial are chosen.

Optuna's samplers are made afresh for each trial. Their seed follows from the study's seed and the
trial's number: workers that shared one seed would propose the same points, and a trial could not
be proposed again. Other samplers are plans: the number alone says which point a trial is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler

from search_spaces.space import SearchSpace

OPTUNA: dict[str, Callable[[int], BaseSampler]] = {
    # group=True samples conditional parameters jointly with the others of their branch.
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    # Hansen and Ostermeier, "Completely Derandomized Self-Adaptation", 2001. Its state is with
    # the trials. Categories and conditional parameters are drawn at random.
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(
        seed=seed,
        consider_pruned_trials=True,
        warn_independent_sampling=False,
        independent_sampler=optuna.samplers.RandomSampler(seed=seed),
    ),
    # Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", 2002. A trial's
    # generation is with it, the parents of one with the study. Conditional parameters are drawn
    # at random. Optuna's generations of 50 would leave most studies in their first one.
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=20),
}
PLANS = ("grid", "qmc")
SAMPLERS = (*OPTUNA, *PLANS)


def trial_seed(study_seed: int, number: int) -> int:
    """The seed of everything random in one trial, in [0, 2**31)."""
    state = np.random.SeedSequence([study_seed, number]).generate_state(1)
    return int(state[0]) & 0x7FFF_FFFF


def make(name: str, seed: int) -> BaseSampler:
    """A sampler of Optuna for one trial; for a plan, what chooses where the plan says nothing.

    Args:
        name: One of ``SAMPLERS``.
        seed: See ``trial_seed``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return OPTUNA["random" if name in PLANS else name](seed)


def planned(name: str, space: SearchSpace, *, seed: int, number: int) -> dict[str, Any] | None:
    """The point that a plan has for a trial; None where it has none.

    Args:
        name: One of ``SAMPLERS``.
        seed: Of the study.
    """
    if name == "grid":
        return next(islice(space.grid(), number, None), None)
    return spread(space, seed=seed, number=number) if name == "qmc" else None


def spread(space: SearchSpace, *, seed: int, number: int) -> dict[str, Any] | None:
    """The point of a scrambled Sobol sequence, which fills a space evenly.

    Owen, "Scrambling Sobol' and Niederreiter-Xing Points", 1998. None for a space whose
    parameters are not known before it runs.
    """
    if not space.declared_whole:
        return None
    from scipy.stats import qmc  # takes a second to import

    free = [name for name, parameter in space.parameters.items() if not parameter.fixed]
    if not free:
        return space.spread(dict.fromkeys(space.parameters, 0.0))
    sequence = qmc.Sobol(len(free), scramble=True, rng=np.random.default_rng(seed))
    fractions = sequence.fast_forward(number).random(1)[0] if number else sequence.random(1)[0]
    below_one = np.minimum(fractions, np.nextafter(1, 0))
    chosen = dict(zip(free, map(float, below_one), strict=True))
    return space.spread({**dict.fromkeys(space.parameters, 0.0), **chosen})
