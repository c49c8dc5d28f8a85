"""What a pruning rule is: at which epochs it decides, and whether it rejects a trial."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from storage.pruning.trial_at_rung import TrialAtRung


@dataclass(frozen=True, kw_only=True)
class PruningRule(ABC):
    """How a study prunes. Subclasses are frozen dataclasses whose fields are JSON.

    Attributes:
        kind: Its name in the definitions of studies.
        warmup: First epoch at which trials are pruned, from 1.
    """

    kind: ClassVar[str]
    warmup: int = 1

    def is_rung(self, epoch: int, number: int = 0) -> bool:
        """Whether it decides on a trial of this number after this epoch (counted from 1)."""
        return epoch >= self.warmup

    @property
    def most_resting(self) -> int:
        """How many trials that it rejected may rest, to be resumed later; 0 where they end."""
        return 0

    @abstractmethod
    def rejects(self, trial: TrialAtRung) -> bool:
        """Whether to prune a trial, or to let it rest; asked at its rungs."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the rule as values for JSON."""
        return {"kind": self.kind, **dataclasses.asdict(self)}
