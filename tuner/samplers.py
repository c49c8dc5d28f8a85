"""Samplers by name: a fresh one for each trial.

Its seed follows from the study's seed and the trial's number: workers that shared one seed
would propose the same points, and a trial could not be proposed again.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import optuna
from optuna.samplers import BaseSampler

# group=True samples conditional parameters jointly with the others of their branch.
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, group=True),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}


def trial_seed(study_seed: int, number: int) -> int:
    """The seed of everything random in one trial, in [0, 2**31)."""
    state = np.random.SeedSequence([study_seed, number]).generate_state(1)
    return int(state[0]) & 0x7FFF_FFFF


def make(name: str, seed: int) -> BaseSampler:
    """A sampler for one trial.

    Args:
        name: A key of ``SAMPLERS``.
        seed: See ``trial_seed``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return SAMPLERS[name](seed)
