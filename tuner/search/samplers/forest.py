"""A forest of extremely randomized trees."""

from __future__ import annotations

from optuna.samplers import BaseSampler

from tuner.search.samplers.sampler import Sampler


def make_forest(seed: int) -> BaseSampler:
    """Returns a sampler for one trial."""
    from tuner.search.surrogates.forest_sampler import ForestSampler

    return ForestSampler(seed)


SAMPLER = Sampler(
    summary="Randomized trees: for noisy losses and many conditions.",
    make=make_forest,
    learns_slowly=True,
    several_objectives=False,
)
