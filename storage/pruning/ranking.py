"""Rules that prune a trial by its rank among all trials that reached the same epoch."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from storage.pruning.rule import PruningRule
from storage.pruning.trial_at_rung import TrialAtRung


@dataclass(frozen=True, kw_only=True)
class RankingRule(PruningRule):
    """Prunes a trial if too many others are better.

    Attributes:
        startup: Number of other trials that must have reached the epoch before.
    """

    startup: int = 1

    @abstractmethod
    def cut(self, others: int) -> int:
        """Returns how many of ``others`` trials must be better to prune a trial, at least 1."""

    def meeting(self, epoch: int, number: int) -> int:
        """Returns the number of the rung where a trial is ranked: those of one number meet."""
        return epoch

    def rejects(self, trial: TrialAtRung) -> bool:
        outranked, others = trial.rank(self.meeting(trial.epoch, trial.number), self.cut)
        return outranked and others >= self.startup
