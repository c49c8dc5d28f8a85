"""Tree-structured Parzen estimator: Bergstra et al., 2011."""

from __future__ import annotations

import optuna

from tuner.search.samplers.sampler import Sampler


def make_tpe(seed: int) -> optuna.samplers.TPESampler:
    """Returns a sampler for one trial."""
    # group=True samples conditional parameters jointly with the others of their branch.
    return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True)


SAMPLER = Sampler(
    summary="Tree-structured Parzen estimator: learns where good values are.",
    make=make_tpe,
    learns_slowly=True,
)
