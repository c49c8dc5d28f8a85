"""A sampler that chooses among samplers, by what the study is."""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from tuner.search.auto_choice import TPE_TURN, auto_choice
from tuner.search.past_scores import LearnsFromPast, PastScores
from tuner.search.samplers.tpe import make_tpe
from tuner.search.surrogates.gp_sampler import GpSampler

STARTUP = 10  # trials, before which TPE draws at random: nothing for a study that has a past


class AutoSampler(LearnsFromPast, BaseSampler):
    """A Gaussian process, and for every fourth trial TPE.

    The process needs about half as many trials (`benchmarks/samplers.py`); TPE, which models
    nothing but where the good points lie, goes on where the process is wrong. TPE alone where there
    are several objectives, and from a thousand trials on.

    Args:
        seed: Of everything random, in [0, 2**31).
    """

    def __init__(self, seed: int) -> None:
        self._tpe = make_tpe(seed)
        self._gp = GpSampler(seed)

    @property
    def past(self) -> PastScores | None:
        """What past studies found."""
        return self._gp.past

    @past.setter
    def past(self, past: PastScores | None) -> None:
        self._gp.past = past

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Returns the parameters that whoever has the turn chooses together."""
        return self._sampler_for(study, trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Returns a value for each parameter of the search space."""
        return self._sampler_for(study, trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Chooses a parameter that is not in the relative search space."""
        sampler = self._sampler_for(study, trial)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Draws other numbers from now on."""
        self._tpe.reseed_rng()
        self._gp.reseed_rng()

    def _sampler_for(self, study: Study, trial: FrozenTrial) -> BaseSampler:
        choice = auto_choice(objectives=len(study.directions), trials=trial.number)
        draws = self.past is not None and trial.number < STARTUP
        is_turn = trial.number % TPE_TURN == TPE_TURN - 1 and not draws
        return self._gp if choice.samplers[0] == "gp" and not is_turn else self._tpe
