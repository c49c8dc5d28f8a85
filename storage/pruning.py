"""When a trial is hopeless: its rank among all trials that reached the same epoch.

Three rules, asked at rungs only:

*median*: stop a trial whose lowest loss so far is worse than the median of the other trials'
lowest losses up to this epoch (the stopping rule of Golovin et al., "Google Vizier", KDD 2017).

*asha*: rungs at ``warmup * reduction**k`` epochs; stop a trial that is not in the best
``1 / reduction`` of its rung (Li et al., "A System for Massively Parallel Hyperparameter
Tuning", MLSys 2020, in the variant that stops instead of promoting). ``warmup`` is the paper's
r, ``reduction`` its eta.

*hyperband*: asha in several brackets, each of which begins ``reduction`` times later than the one
before, for studies where early losses mislead (Li et al., "Hyperband", JMLR 2018). Trials are
ranked within their bracket; the number of a trial decides which one that is.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["median", "asha", "hyperband", "none"]


@dataclass(frozen=True, kw_only=True)
class PruningRule:
    """How a study prunes.

    Attributes:
        kind: ``"median"``, ``"asha"``, ``"hyperband"`` or ``"none"``.
        warmup: The first epoch that may prune.
        startup: Other trials that must have reached the epoch before anything is pruned.
        reduction: asha and hyperband only: one of so many trials passes a rung.
        brackets: hyperband only.
    """

    kind: Kind = "none"
    warmup: int = 1
    startup: int = 1
    reduction: int = 3
    brackets: int = 1

    def bracket(self, number: int) -> int:
        """The bracket of a trial: as many trials in each as the paper's brackets begin with."""
        sizes = [
            math.ceil(self.brackets / (s + 1) * self.reduction**s)
            for s in reversed(range(self.brackets))
        ]
        place = number % sum(sizes)
        for bracket, size in enumerate(sizes):
            if place < size:
                return bracket
            place -= size
        raise AssertionError("a remainder is smaller than the sum")

    def meeting(self, epoch: int, number: int) -> int:
        """Names the place where a trial is ranked: that of an epoch, in its bracket."""
        return epoch * self.brackets + self.bracket(number)

    def is_rung(self, epoch: int, number: int = 0) -> bool:
        """Whether pruning decides on a trial of this number after this epoch (counted from 1)."""
        if self.kind == "none" or epoch < self.warmup:
            return False
        if self.kind == "median":
            return True
        rung: int = self.warmup * self.reduction ** self.bracket(number)
        while rung < epoch:
            rung *= self.reduction
        return rung == epoch

    def cut(self, others: int) -> int:
        """How many better ones among so many others make a trial hopeless, 1 or more."""
        if self.kind in ("asha", "hyperband"):
            return max(1, (others + 1) // self.reduction)
        return others // 2 + 1

    def to_dict(self) -> dict[str, Any]:
        """The rule as JSON-able values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PruningRule:
        """The opposite of ``to_dict``."""
        return cls(**values)
