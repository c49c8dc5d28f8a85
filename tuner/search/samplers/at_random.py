"""Independent draws."""

from __future__ import annotations

import optuna

from tuner.search.samplers.sampler import Sampler

SAMPLER = Sampler(
    summary="Independent random draws.",
    make=lambda seed: optuna.samplers.RandomSampler(seed=seed),
)
