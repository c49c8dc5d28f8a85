"""A Gaussian process."""

from __future__ import annotations

from optuna.samplers import BaseSampler

from tuner.search.samplers.sampler import Sampler


def make_gp(seed: int) -> BaseSampler:
    """Returns a sampler for one trial."""
    from tuner.search.surrogates.gp_sampler import GpSampler  # SciPy takes a second to import

    return GpSampler(seed)


SAMPLER = Sampler(
    summary="A Gaussian process: learns from few trials.",
    make=make_gp,
    learns_slowly=True,
    several_objectives=False,
)
