"""Tree-structured Parzen estimator: Bergstra et al., 2011."""

from __future__ import annotations

import optuna

from tuner.search.samplers.sampler import Sampler

SAMPLER = Sampler(
    summary="Tree-structured Parzen estimator: learns where good values are.",
    # group=True samples conditional parameters jointly with the others of their branch.
    make=lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True),
    learns_slowly=True,
)
