"""The rule of studies that prune nothing."""

from __future__ import annotations

from dataclasses import dataclass

from storage.pruning.rule import PruningRule
from storage.pruning.trial_at_rung import TrialAtRung


@dataclass(frozen=True, kw_only=True)
class NoPruning(PruningRule):
    """Every trial goes all its way."""

    kind = "none"

    def is_rung(self, epoch: int, number: int = 0) -> bool:
        return False

    def rejects(self, trial: TrialAtRung) -> bool:
        return False
