"""A genetic algorithm for several objectives: Deb et al., 2002."""

from __future__ import annotations

import optuna

from tuner.search.samplers.sampler import Sampler

SAMPLER = Sampler(
    summary="NSGA-II: a genetic algorithm, made for several objectives.",
    # Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", 2002. A trial's
    # generation is with it, the parents of one with the study. Conditional parameters are drawn
    # at random. Optuna's generations of 50 would leave most studies in their first one.
    make=lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=20),
)
