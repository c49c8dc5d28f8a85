"""The sampler that fits a study, and the default."""

from __future__ import annotations

from optuna.samplers import BaseSampler

from tuner.search.samplers.sampler import Sampler


def make_auto(seed: int) -> BaseSampler:
    """Returns a sampler for one trial."""
    from tuner.search.surrogates.auto_sampler import AutoSampler

    return AutoSampler(seed)


SAMPLER = Sampler(
    summary="A Gaussian process, each fourth trial TPE; for several objectives TPE; a tiny grid.",
    make=make_auto,
    learns_slowly=True,
)
