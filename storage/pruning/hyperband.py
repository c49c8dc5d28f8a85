"""Hyperband: Li et al., JMLR 2018. It is asha in several brackets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from storage.pruning.asha import AshaRule


@dataclass(frozen=True, kw_only=True)
class HyperbandRule(AshaRule):
    """Prunes as asha, for studies where early losses mislead.

    The first rung of each bracket is ``reduction`` times later than that of the one before. Trials
    are ranked within their bracket, which follows from the trial's number.

    Attributes:
        brackets: Number of brackets.
    """

    kind = "hyperband"
    brackets: int = 1

    def bracket(self, number: int) -> int:
        """Returns the bracket of a trial, from 0; their sizes are proportional to the paper's."""
        # Trials a bracket starts with in Hyperband, the most exploring bracket first.
        sizes = [
            math.ceil(self.brackets / (s + 1) * self.reduction**s)
            for s in reversed(range(self.brackets))
        ]
        position = number % sum(sizes)
        for bracket, size in enumerate(sizes):
            if position < size:
                return bracket
            position -= size
        raise AssertionError("a remainder is smaller than the sum")

    def first_rung(self, number: int) -> int:
        rung: int = self.warmup * self.reduction ** self.bracket(number)
        return rung

    def meeting(self, epoch: int, number: int) -> int:
        return epoch * self.brackets + self.bracket(number)
