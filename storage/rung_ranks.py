"""Answers "are at least k trials of this rung better than this one?" without counting them all.

``COUNT(*) WHERE best < value`` reads up to half of the rung at every report. Instead each rung
keeps a landmark: one of its values, with the number of trials below it and equal to it. These
counts alone answer for most trials. For the others the landmark moves to the next lower or higher
value, one step in the index on ``(study_id, epoch, best)`` each.

The threshold (a median, or the best third) moves by at most one place when a trial arrives, and the
landmark stays next to it. So a report costs the same in a rung of 10,000 trials as in one of ten.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage.database import schema
from storage.database.insert import insert_once

FAR = 16  # trials between landmark and threshold from which on it is set anew, not moved stepwise


@dataclass(frozen=True, kw_only=True)
class Landmark:
    """One of a rung's values, and its position among them.

    Attributes:
        value: Lower is better; None until the rung's trials were counted for the first time.
        reached: Number of trials in the rung.
        lower: Number of them with a lower value.
        same: Number of them with this value, at least 1.
    """

    value: float | None
    reached: int
    lower: int
    same: int

    def enter(self, best: float) -> Landmark:
        """The landmark after one more trial, with the value ``best``, entered the rung."""
        if self.value is None:
            return self
        return dataclasses.replace(
            self,
            reached=self.reached + 1,
            lower=self.lower + (best < self.value),
            same=self.same + (best == self.value),
        )

    def decides(self, best: float, cut: int) -> bool | None:
        """Whether at least ``cut`` trials are lower than ``best``; None if unknown."""
        assert self.value is not None
        if best <= self.value:  # at most ``lower`` trials are lower than ``best``
            return False if self.lower < cut else None
        # At least ``lower + same`` trials are lower than ``best``.
        return True if self.lower + self.same >= cut else None


@dataclass(frozen=True, kw_only=True)
class Rung:
    """The trials of a study that reached an epoch, locked until the transaction ends.

    Attributes:
        c: The transaction.
        study_id: Optuna's id of the study.
        place: Number of the rung, see ``RankingRule.meeting``.
    """

    c: Connection
    study_id: int
    place: int

    def lock(self, trial_id: int) -> tuple[float | None, float | None, Landmark]:
        """Locks the rung, and creates its row at the first time.

        Args:
            trial_id: Optuna's id of the trial to compare.

        Returns:
            The trial's lowest value so far, None without a finite one; the value with which it
            entered the rung, None if it has not yet; the landmark.
        """
        query = self._query(trial_id)
        row = self.c.execute(query).first()
        if row is None:
            empty = {"study_id": self.study_id, "epoch": self.place, "value": None}
            insert_once(self.c, schema.ranks, [{**empty, "reached": 0, "lower": 0, "same": 0}])
            row = self.c.execute(query).one()
        landmark = Landmark(value=row.value, reached=row.reached, lower=row.lower, same=row.same)
        return row.best_value, row.entered, landmark

    def enter(self, trial_id: int, best: float, *, entered: float | None, at: Landmark) -> Landmark:
        """Adds a trial unless it was added before; returns the updated landmark ``at``."""
        if entered is None:
            row = {"study_id": self.study_id, "epoch": self.place, "trial_id": trial_id}
            insert_once(self.c, schema.rungs, [{**row, "best": best}])
            at = at.enter(best)
        return at if at.value is not None else self._count(best)

    def find(self, best: float, cut: int, at: Landmark) -> tuple[bool, Landmark]:
        """Whether at least ``cut`` trials are lower than ``best``, and the new landmark."""
        # Stepping costs a query a step, setting anew counts the whole rung once.
        if abs(cut - at.lower) > at.same + FAR:
            at = self._set(cut)
        # Ends: each step brings the landmark closer to ``best``, next to which it can decide.
        while (answer := at.decides(best, cut)) is None:
            assert at.value is not None
            at = self._down(at) if best <= at.value else self._up(at)
        return answer, at

    def is_among_the_best(self, trial_id: int, best: float, count: int) -> bool:
        """Whether a trial of the rung is one of its ``count`` best; of equal ones the oldest are.

        It reads ``count`` entries of the index.

        Args:
            trial_id: Optuna's id of the trial.
            best: The value with which it entered the rung.
            count: At least 1.
        """
        rung = schema.rungs.c
        query = sa.select(rung.best, rung.trial_id).where(self._in_rung())
        ranking = query.order_by(rung.best, rung.trial_id)
        last = self.c.execute(ranking.offset(count - 1).limit(1)).first()
        return last is None or (best, trial_id) <= (last.best, last.trial_id)

    def keep(self, at: Landmark, *, passes: int | None = None) -> None:
        """Writes the landmark to the rung's row.

        Args:
            at: The landmark.
            passes: How many trials may pass the rung, where the others rest.
        """
        rank = schema.ranks.c
        update = schema.ranks.update().where(
            rank.study_id == self.study_id, rank.epoch == self.place
        )
        self.c.execute(update.values(**vars(at), passes=passes))

    def _count(self, value: float) -> Landmark:
        """A landmark at ``value``, by counting the whole rung."""
        best = schema.rungs.c.best
        counts = [
            sa.select(sa.func.count()).where(self._in_rung(), condition).scalar_subquery()
            for condition in (sa.true(), best < value, best == value)
        ]
        reached, lower, same = self.c.execute(sa.select(*counts)).one()
        return Landmark(value=value, reached=reached, lower=lower, same=same)

    def _set(self, cut: int) -> Landmark:
        """A landmark at the ``cut``-th lowest value, or at the largest if there are fewer."""
        best = schema.rungs.c.best
        values = sa.select(best).where(self._in_rung())
        value = self.c.execute(values.order_by(best).offset(cut - 1).limit(1)).scalar()
        if value is None:
            value = self.c.execute(values.order_by(best.desc()).limit(1)).scalar_one()
        return self._count(value)

    # The counts at a neighbouring value follow from those here and from how many trials are equal
    # to it: the next two methods do not count the trials below.

    def _up(self, at: Landmark) -> Landmark:
        best = schema.rungs.c.best
        value, same = self._neighbour(best > at.value, best)
        return dataclasses.replace(at, value=value, lower=at.lower + at.same, same=same)

    def _down(self, at: Landmark) -> Landmark:
        best = schema.rungs.c.best
        value, same = self._neighbour(best < at.value, best.desc())
        return dataclasses.replace(at, value=value, lower=at.lower - same, same=same)

    def _neighbour(
        self, beyond: sa.ColumnElement[bool], order: sa.ColumnElement[Any]
    ) -> tuple[float, int]:
        """The next value in this order, and the number of trials that have it."""
        best = schema.rungs.c.best
        query = sa.select(best, sa.func.count()).where(self._in_rung(), beyond).group_by(best)
        value, same = self.c.execute(query.order_by(order).limit(1)).one()
        return value, same

    def _query(self, trial_id: int) -> sa.Select[Any]:
        """One query for all that a decision needs; it locks the rows of the rung and the lease."""
        lease, rank, rung = schema.leases.c, schema.ranks.c, schema.rungs.c
        entered = sa.select(rung.best).where(self._in_rung(), rung.trial_id == trial_id)
        return (
            sa.select(
                lease.best_value,
                entered.scalar_subquery().label("entered"),
                rank.value,
                rank.reached,
                rank.lower,
                rank.same,
            )
            .join_from(schema.leases, schema.ranks, rank.study_id == lease.study_id)
            .where(lease.trial_id == trial_id, rank.epoch == self.place)
            .with_for_update()
        )

    def _in_rung(self) -> sa.ColumnElement[bool]:
        rung = schema.rungs.c
        return sa.and_(rung.study_id == self.study_id, rung.epoch == self.place)
