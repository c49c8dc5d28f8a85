"""The median rule: Golovin et al., "Google Vizier", KDD 2017."""

from __future__ import annotations

from dataclasses import dataclass

from storage.pruning.ranking import RankingRule


@dataclass(frozen=True, kw_only=True)
class MedianRule(RankingRule):
    """Prunes a trial whose best is worse than the median of the others' up to this epoch."""

    kind = "median"

    def cut(self, others: int) -> int:
        return others // 2 + 1
