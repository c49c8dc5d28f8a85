"""Samplers by name: how the hyperparameters of a trial are chosen, one module a sampler.

Optuna's samplers are made afresh for each trial. Their seed follows from the study's seed and the
trial's number: workers that shared one seed would propose the same points, and a trial could not
be proposed again. Other samplers are plans: the number alone says which point a trial is.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from search_spaces.registry import Registry
from tuner.search.past_scores import LearnsFromPast, PastScores
from tuner.search.samplers.sampler import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from search_spaces.space import SearchSpace

__all__ = ["SAMPLERS", "Sampler", "make", "planned", "trial_seed"]

SAMPLERS: Registry[Sampler] = Registry(
    "tuner.samplers",
    {
        "auto": "tuner.search.samplers.auto:SAMPLER",
        "tpe": "tuner.search.samplers.tpe:SAMPLER",
        "gp": "tuner.search.samplers.gp:SAMPLER",
        "forest": "tuner.search.samplers.forest:SAMPLER",
        "random": "tuner.search.samplers.at_random:SAMPLER",
        "cmaes": "tuner.search.samplers.cmaes:SAMPLER",
        "nsga2": "tuner.search.samplers.nsga2:SAMPLER",
        "grid": "tuner.search.samplers.grid:SAMPLER",
        "qmc": "tuner.search.samplers.qmc:SAMPLER",
    },
    kind=Sampler,
)


def trial_seed(study_seed: int, number: int) -> int:
    """The seed of everything random in one trial, in [0, 2**31)."""
    import numpy as np

    state = np.random.SeedSequence([study_seed, number]).generate_state(1)
    return int(state[0]) & 0x7FFF_FFFF


def make(name: str, seed: int, past: PastScores | None = None) -> BaseSampler:
    """A sampler of Optuna for one trial; for a plan, what chooses where the plan says nothing.

    Args:
        name: One of ``SAMPLERS``.
        seed: See ``trial_seed``.
        past: What past studies found, for samplers that learn from it.
    """
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = (SAMPLERS[name].make or optuna.samplers.RandomSampler)(seed)
    if isinstance(sampler, LearnsFromPast):
        sampler.past = past
    return sampler


def planned(name: str, space: SearchSpace, *, seed: int, number: int) -> dict[str, Any] | None:
    """The point that a plan has for a trial; None where it has none.

    Args:
        name: One of ``SAMPLERS``.
        seed: Of the study.
    """
    plan = SAMPLERS[name].plan
    return None if plan is None else plan(space, seed=seed, number=number)
