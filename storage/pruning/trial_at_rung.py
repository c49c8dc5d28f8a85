"""A trial that a pruning rule decides on, and what the rule can ask about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage.database import schema
from storage.rung_ranks import Rung

if TYPE_CHECKING:
    from storage.leases import Claim


@dataclass(frozen=True, kw_only=True)
class TrialAtRung:
    """A trial, in the transaction that writes its epoch.

    Attributes:
        c: The transaction.
        claim: Of the trial.
        epoch: Number of finished epochs, from 1.
    """

    c: Connection
    claim: Claim
    epoch: int

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.claim.number

    @property
    def best(self) -> float | None:
        """Its lowest value so far, None without a finite one; of a maximized objective, negated."""
        lease = schema.leases.c
        query = sa.select(lease.best_value).where(lease.trial_id == self.claim.trial_id)
        best: float | None = self.c.execute(query).scalar_one()
        return best

    def rank(self, meeting: int, cut: Callable[[int], int]) -> tuple[bool, int]:
        """Adds the trial to a rung and compares its best value with those of the other trials.

        Args:
            meeting: Number of the rung, see ``RankingRule.meeting``.
            cut: See ``RankingRule.cut``.

        Returns:
            Whether as many others are better as ``cut`` says; the number of others.
        """
        rung = self._rung(meeting)
        best, entered, landmark = rung.lock(self.claim.trial_id)
        if best is None:
            return False, 0  # no finite value yet: the training loop handles diverged trials
        landmark = rung.enter(self.claim.trial_id, best, entered=entered, at=landmark)
        others = landmark.reached - 1
        # Also asked where the answer is not needed: it moves the landmark to where it will be.
        outranked, landmark = rung.find(best, cut(others), landmark)
        rung.keep(landmark)
        return outranked, others

    def stays_at(self, meeting: int, passes: Callable[[int], int]) -> bool:
        """Adds the trial to a rung, and notes this as the last rung that it did not pass if so.

        Args:
            meeting: Number of the rung, see ``RankingRule.meeting``.
            passes: Returns how many trials may pass, given how many have reached the rung.

        Returns:
            Whether it is not among those that may pass; ``storage.resting`` says when it is later.
        """
        rung, trial_id = self._rung(meeting), self.claim.trial_id
        best, entered, landmark = rung.lock(trial_id)
        if best is None:
            return False  # as above
        landmark = rung.enter(trial_id, best, entered=entered, at=landmark)
        count = passes(landmark.reached)
        rung.keep(landmark, passes=count)
        value = best if entered is None else entered
        if rung.is_among_the_best(trial_id, value, count):
            return False
        lease = schema.leases
        self.c.execute(lease.update().where(lease.c.trial_id == trial_id).values(rung=meeting))
        return True

    def _rung(self, meeting: int) -> Rung:
        return Rung(c=self.c, study_id=self.claim.study.study_id, place=meeting)
