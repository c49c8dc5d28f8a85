"""How an attempt begins: hyperparameters are chosen and recorded, or those of an earlier one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import optuna

from search_spaces.user_code.isolation import isolated, trusted
from storage.errors import StoreUnreachable
from storage.leases import Claim
from storage.trials import Suggestion
from tuner.search import samplers
from tuner.trials.model_builder import ModelBuilder
from tuner.trials.study_context import TrainingContext

if TYPE_CHECKING:
    import keras

MAX_REPEATS = 20  # proposals that repeat an earlier trial are discarded; a small space runs out


@dataclass(frozen=True, kw_only=True)
class BegunTrial:
    """What an attempt trains.

    Attributes:
        model: Built, not trained.
        seed: Of everything random in the trial, in [0, 2**31).
    """

    hyperparameters: dict[str, Any]
    model: keras.Model
    seed: int


@dataclass(frozen=True, kw_only=True)
class TrialBeginning:
    """Begins one claimed trial.

    Attributes:
        context: Of the study in this worker.
        claim: Of the trial.
        builder: Of its model.
        record: Writes what was chosen; called before a model is built where that is possible.
    """

    context: TrainingContext
    claim: Claim
    builder: ModelBuilder
    record: Callable[[Suggestion], None]

    def begin(self) -> BegunTrial:
        """Suggests hyperparameters, or takes those of an earlier attempt, and builds the model."""
        suggester, claim = self.context.suggester, self.claim
        seed = samplers.trial_seed(self.context.spec.seed, claim.number)
        hyperparameters, model = claim.hyperparameters, None
        if hyperparameters is None and (prefetched := suggester.prefetched(claim)) is not None:
            self.record(dataclasses.replace(prefetched, seed=seed))
            hyperparameters = dict(prefetched.hyperparameters)
        if hyperparameters is None:
            hyperparameters, model = self._choose(seed)
        if model is None:
            data = self.context.study_data.of(hyperparameters)
            model = self.builder.build(hyperparameters, seed, data)
        return BegunTrial(hyperparameters=hyperparameters, model=model, seed=seed)

    def _choose(self, seed: int) -> tuple[dict[str, Any], keras.Model | None]:
        """Asks the sampler, again where its point was tried before; see ``ModelBuilder.sample``."""
        suggester = self.context.suggester
        for repeat in range(MAX_REPEATS + 1):
            trial = suggester.propose(self.claim, again=repeat)
            try:
                hyperparameters, model = self.builder.sample(trial, seed)
            except StoreUnreachable:
                raise
            except Exception:
                self._record(trial, self._partial_hyperparameters(trial), seed)
                raise
            if not suggester.was_tried(trial):
                break
        self._record(trial, hyperparameters, seed)
        return hyperparameters, model

    def _partial_hyperparameters(self, trial: optuna.trial.Trial) -> dict[str, Any]:
        """Hyperparameters that were suggested before building the model failed."""
        try:
            with isolated(self.context.space.name):
                return {**trial.params, **self.context.space.suggest(trusted(trial))}
        except Exception:  # the space fails again; its first error is the one that is reported
            return dict(trial.params)

    def _record(
        self, trial: optuna.trial.Trial, hyperparameters: dict[str, Any], seed: int
    ) -> None:
        suggestion = Suggestion(
            hyperparameters=hyperparameters,
            params=trial.params,
            distributions=trial.distributions,
            attributes=self.context.suggester.history.attributes,
            seed=seed,
        )
        self.record(suggestion)
