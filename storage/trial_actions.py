"""Actions of users on single trials: end, enqueue, retry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from optuna.distributions import json_to_distribution
from sqlalchemy.engine import Connection

from storage import allocation, leases, stopping, studies, study_states, trials
from storage.database import schema
from storage.database.engine import Store
from storage.errors import StoreError
from storage.outcomes import ended_by_hand
from storage.studies import Study

FIXED_PARAMS = "fixed_params"  # Optuna's system attribute for parameters that are not sampled
FROM_PAST = "tuner_past"  # system attribute of trials whose values come from a past study


def end_trial(store: Store, study: Study, number: int) -> str:
    """Ends a trial: as pruned with its best value, or as failed if it has none.

    Args:
        store: The database.
        study: The study.
        number: The trial's number.

    Returns:
        ``"ended"``, or ``"asked"`` if a live worker has the trial: it ends it at its next renewal.

    Raises:
        StoreError: There is no such trial, or it has already ended.
    """
    record = trials.find(store, study, number)
    lease = schema.leases.c
    with store.write() as c:
        row = studies.lock(c, study)
        live = sa.case(
            (sa.and_(lease.state == "leased", lease.expires_at > store.now), "live"),
            else_=lease.state,
        )
        query = sa.select(live.label("state"), lease.best_value)
        trial = c.execute(query.where(lease.trial_id == record.trial_id)).one()
        if trial.state == "ended":
            raise StoreError(f"Expected a trial that has not ended. Received: {number}, which has.")
        if trial.state == "live":
            c.execute(
                schema.leases.update()
                .where(lease.trial_id == record.trial_id)
                .values(requested="end")
            )
            return "asked"
        best = None if trial.best_value is None else study.own_sign(trial.best_value)
        leases.end_lease(
            store, c, record.trial_id, ended_by_hand(best, several=bool(study.further))
        )
        stopping.conclude(store, c, study, row)
        return "ended"


def enqueue(store: Store, study: Study, params: Mapping[str, Any]) -> int:
    """Creates a trial with these parameters; parameters that are not given are sampled.

    Args:
        store: The database.
        study: The study.
        params: Values as ``suggest_*`` returns them: an index for an ordered list.

    Returns:
        The number of the new trial.

    Raises:
        StoreError: The budget is used, or the study is finished for another reason.
    """
    with store.write() as c:
        row = studies.lock(c, study)
        number = allocation.next_number(c, study.study_id)
        if row.state == studies.FINISHED or number >= row.budget:
            used = f"all of its {row.budget} trials exist already"
            reason = row.reason if row.state == studies.FINISHED else used
            raise StoreError(
                f"Expected a study with trials left. Received {study.name!r} ({reason}): "
                f"extend it with: tuner extend {study.typed} --trials +1"
            )
        return _create(c, study, params)


def enqueue_past(store: Store, study: Study, points: Sequence[Mapping[str, Any]]) -> None:
    """Creates the first trials of a new study, with values of a past one.

    Args:
        store: The database.
        study: The study, of which there are no trials.
        points: As for ``enqueue``, no more than its budget.
    """
    with store.write() as c:
        studies.lock(c, study)
        for point in points:
            _create(c, study, point, attributes={FROM_PAST: True})


def retry(store: Store, study: Study, numbers: Sequence[int] | None = None) -> list[int]:
    """Repeats failed trials as new trials, and raises the budget by their number.

    Args:
        store: The database.
        study: The study.
        numbers: Numbers of failed trials; None for all that were not repeated yet.

    Returns:
        The numbers of the new trials.

    Raises:
        StoreError: One of the numbers is not that of a failed trial.
    """
    with store.write() as c:
        row = studies.lock(c, study)
        failed = _to_retry(store, study, numbers)
        if failed:
            study_states.reopen(store, c, study, row, by=len(failed))
        return [_create(c, study, _params(c, t.trial_id), retry_of=t.number) for t in failed]


def _to_retry(
    store: Store, study: Study, numbers: Sequence[int] | None
) -> list[trials.TrialRecord]:
    """Returns the failed trials with these numbers, or all that were not repeated yet."""
    records = trials.list_trials(store, study)
    failed = [t for t in records if t.state == "failed"]
    if numbers is None:
        repeated = {t.retry_of for t in records}
        return [t for t in failed if t.number not in repeated]
    wrong = set(numbers) - {t.number for t in failed}
    if wrong:
        raise StoreError(
            f"Expected numbers of failed trials. Received: {', '.join(map(str, sorted(wrong)))}. "
            f"See: tuner trials {study.typed}"
        )
    return [t for t in failed if t.number in numbers]


def _params(c: Connection, trial_id: int) -> dict[str, Any]:
    """Returns all parameters of a trial: enqueued and sampled ones."""
    attribute, param = schema.optuna_trial_system_attributes.c, schema.optuna_params.c
    fixed = c.execute(
        sa.select(attribute.value_json).where(
            attribute.trial_id == trial_id, attribute.key == FIXED_PARAMS
        )
    ).scalar()
    rows = c.execute(sa.select(schema.optuna_params).where(param.trial_id == trial_id)).all()
    sampled = {
        row.param_name: json_to_distribution(row.distribution_json).to_external_repr(
            row.param_value
        )
        for row in rows
    }
    return {**json.loads(fixed or "{}"), **sampled}


def _create(
    c: Connection,
    study: Study,
    params: Mapping[str, Any],
    *,
    retry_of: int | None = None,
    attributes: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    number = allocation.next_number(c, study.study_id)
    trial_id = allocation.create(c, study.study_id, number)
    rows = [
        {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        for key, value in {FIXED_PARAMS: dict(params), **attributes}.items()
    ]
    c.execute(schema.optuna_trial_system_attributes.insert(), rows)
    if retry_of is not None:
        c.execute(
            schema.trials.update()
            .where(schema.trials.c.trial_id == trial_id)
            .values(retry_of=retry_of)
        )
    return number
