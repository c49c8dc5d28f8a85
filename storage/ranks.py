"""Whether enough trials of a rung are better than one of them, without counting them all.

Each rung keeps a landmark: a value, how many trials of the rung are lower and how many the same.
A trial that stands on the decisive side of it is answered from these numbers alone; otherwise the
landmark walks to the next value, up or down, one step in the index. It stays where decisions fall,
so that a rung of 10,000 trials costs as much as one of ten.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage import schema
from storage.insert import insert_once

FAR = 16  # values to the place where it should be, from which on the landmark is set anew


@dataclass(frozen=True, kw_only=True)
class Landmark:
    """A value among those of a rung.

    Attributes:
        value: None as long as nobody has counted.
        reached: Trials in the rung.
        lower: Of them, those with a lower value.
        same: Those with this very value.
    """

    value: float | None
    reached: int
    lower: int
    same: int

    def enter(self, best: float) -> Landmark:
        """With one more trial in the rung."""
        if self.value is None:
            return self
        return dataclasses.replace(
            self,
            reached=self.reached + 1,
            lower=self.lower + (best < self.value),
            same=self.same + (best == self.value),
        )

    def decides(self, best: float, cut: int) -> bool | None:
        """Whether at least ``cut`` trials are lower than ``best``; None if that is not known."""
        assert self.value is not None
        if best <= self.value:
            return False if self.lower < cut else None
        return True if self.lower + self.same >= cut else None


@dataclass(frozen=True, kw_only=True)
class Rung:
    """The trials of a study that reached an epoch, locked until the transaction ends.

    Attributes:
        place: See ``PruningRule.meeting``.
    """

    c: Connection
    study_id: int
    place: int

    def lock(self, trial_id: int) -> tuple[float | None, float | None, Landmark]:
        """Locks the rung, which is made if need be.

        Returns:
            The trial's lowest value so far, None without a finite one; the value with which it
            entered the rung, None if it has not; the landmark.
        """
        query = self._query(trial_id)
        row = self.c.execute(query).first()
        if row is None:
            empty = {"study_id": self.study_id, "epoch": self.place, "value": None}
            insert_once(self.c, schema.ranks, [{**empty, "reached": 0, "lower": 0, "same": 0}])
            row = self.c.execute(query).one()
        at = Landmark(value=row.value, reached=row.reached, lower=row.lower, same=row.same)
        return row.best_value, row.entered, at

    def enter(self, trial_id: int, best: float, *, entered: float | None, at: Landmark) -> Landmark:
        """Counts a trial in, unless it was here before; returns the landmark as it is then."""
        if entered is None:
            row = {"study_id": self.study_id, "epoch": self.place, "trial_id": trial_id}
            insert_once(self.c, schema.rungs, [{**row, "best": best}])
            at = at.enter(best)
        return at if at.value is not None else self._count(best)

    def find(self, best: float, cut: int, at: Landmark) -> tuple[bool, Landmark]:
        """Whether at least ``cut`` trials are lower than ``best``, and the landmark that tells."""
        if abs(cut - at.lower) > at.same + FAR:
            at = self._set(cut)
        while (answer := at.decides(best, cut)) is None:
            assert at.value is not None
            at = self._down(at) if best <= at.value else self._up(at)
        return answer, at

    def keep(self, at: Landmark) -> None:
        """Writes the landmark."""
        rank = schema.ranks.c
        update = schema.ranks.update().where(
            rank.study_id == self.study_id, rank.epoch == self.place
        )
        self.c.execute(update.values(**vars(at)))

    def _count(self, value: float) -> Landmark:
        """A landmark at some value."""
        best = schema.rungs.c.best
        counts = [
            sa.select(sa.func.count()).where(self._here(), condition).scalar_subquery()
            for condition in (sa.true(), best < value, best == value)
        ]
        reached, lower, same = self.c.execute(sa.select(*counts)).one()
        return Landmark(value=value, reached=reached, lower=lower, same=same)

    def _set(self, cut: int) -> Landmark:
        """The landmark at the value that so many trials have or are below, or at the largest."""
        best = schema.rungs.c.best
        values = sa.select(best).where(self._here())
        found = self.c.execute(values.order_by(best).offset(cut - 1).limit(1)).scalar()
        if found is None:
            found = self.c.execute(values.order_by(best.desc()).limit(1)).scalar_one()
        return self._count(found)

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
        """The next value and how many have it."""
        best = schema.rungs.c.best
        query = sa.select(best, sa.func.count()).where(self._here(), beyond).group_by(best)
        value, same = self.c.execute(query.order_by(order).limit(1)).one()
        return value, same

    def _query(self, trial_id: int) -> sa.Select[Any]:
        lease, rank, rung = schema.leases.c, schema.ranks.c, schema.rungs.c
        entered = sa.select(rung.best).where(self._here(), rung.trial_id == trial_id)
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

    def _here(self) -> sa.ColumnElement[bool]:
        rung = schema.rungs.c
        return sa.and_(rung.study_id == self.study_id, rung.epoch == self.place)
