"""Asynchronous successive halving: Li et al., MLSys 2020, as it stops instead of promoting.

"A System for Massively Parallel Hyperparameter Tuning"; ``warmup`` is the paper's r, ``reduction``
its eta.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.pruning.ranking import RankingRule


@dataclass(frozen=True, kw_only=True)
class AshaRule(RankingRule):
    """Prunes a trial that is not in the best ``1 / reduction`` of its rung.

    Rungs are at ``warmup * reduction**k`` epochs.

    Attributes:
        reduction: One of this many trials passes a rung.
    """

    kind = "asha"
    reduction: int = 3

    def first_rung(self, number: int) -> int:
        """Returns the epoch of the first rung of a trial."""
        return self.warmup

    def is_rung(self, epoch: int, number: int = 0) -> bool:
        rung = self.first_rung(number)
        while rung < epoch:
            rung *= self.reduction
        return rung == epoch

    def cut(self, others: int) -> int:
        return max(1, (others + 1) // self.reduction)
