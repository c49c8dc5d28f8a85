"""Asynchronous successive halving as its paper has it: trials rest, and are promoted later.

Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020; ``warmup`` is the
paper's r, ``reduction`` its eta.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.pruning.asha import AshaRule
from storage.pruning.trial_at_rung import TrialAtRung


@dataclass(frozen=True, kw_only=True)
class PromotionRule(AshaRule):
    """Lets a trial rest unless it is in the best ``1 / reduction`` of all that reached its rung.

    Rungs are those of asha. The best trial of a rung always passes, which in the paper it does only
    once ``reduction`` trials are there. That costs the epochs of the first trials, and means that
    the best trial so far is complete, with a model, whenever a study ends: by a time limit too.

    Attributes:
        rest: How many trials may rest, at least 1; the worst of more are pruned.
    """

    kind = "asha-promotion"
    rest: int = 50

    @property
    def most_resting(self) -> int:
        return self.rest

    def passes(self, reached: int) -> int:
        """Returns how many of the trials that reached a rung may pass it, at least 1."""
        return max(1, reached // self.reduction)

    def rejects(self, trial: TrialAtRung) -> bool:
        return trial.stays_at(self.meeting(trial.epoch, trial.number), self.passes)
