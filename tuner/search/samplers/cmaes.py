"""Covariance matrix adaptation: Hansen and Ostermeier, 2001."""

from __future__ import annotations

import optuna

from tuner.search.samplers.sampler import Sampler

SAMPLER = Sampler(
    summary="CMA-ES: an evolution strategy for numbers.",
    # Hansen and Ostermeier, "Completely Derandomized Self-Adaptation", 2001. Its state is with
    # the trials. Categories and conditional parameters are drawn at random.
    make=lambda seed: optuna.samplers.CmaEsSampler(
        seed=seed,
        consider_pruned_trials=True,
        warn_independent_sampling=False,
        independent_sampler=optuna.samplers.RandomSampler(seed=seed),
    ),
    several_objectives=False,
)
