"""What a user may ask of single trials: end one, put one next, run failed ones again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from optuna.distributions import json_to_distribution
from sqlalchemy.engine import Connection

from storage import conclusion, leases, places, schema, studies, trials
from storage.engine import Store
from storage.errors import StoreError
from storage.outcomes import Failure, Outcome
from storage.studies import Study

FIXED_PARAMS = "fixed_params"  # Optuna's system attribute for parameters that are not sampled


def end(store: Store, study: Study, number: int) -> str:
    """Ends a trial now: pruned with its best value, failed if it has none.

    Returns:
        ``"ended"``, or ``"asked"`` where a live worker has it and will end it in a moment.

    Raises:
        StoreError: There is no such trial, or it has ended already.
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
        found = c.execute(query.where(lease.trial_id == record.trial_id)).one()
        if found.state == "ended":
            raise StoreError(f"Expected a trial that has not ended. Received: {number}, which has.")
        if found.state == "live":
            c.execute(
                schema.leases.update()
                .where(lease.trial_id == record.trial_id)
                .values(requested="end")
            )
            return "asked"
        best = None if found.best_value is None else study.sign * found.best_value
        leases.end(store, c, record.trial_id, ended_by_hand(best, several=bool(study.further)))
        conclusion.conclude(store, c, study, row)
        return "ended"


def ended_by_hand(value: float | None, *, several: bool = False) -> Outcome:
    """The outcome of a trial that somebody ended before it was through.

    Args:
        several: Whether its study has several objectives, see ``Outcome.value``.
    """
    if value is not None:
        return Outcome(state="pruned", value=None if several else value)
    failure = Failure(kind="ended", message="ended by hand before its first epoch")
    return Outcome(state="failed", failure=failure)


def enqueue(store: Store, study: Study, params: Mapping[str, Any]) -> int:
    """Makes the next trial one with these parameters; the others are sampled.

    Args:
        params: As ``suggest_*`` returns them: an index where a parameter is an ordered list.

    Returns:
        The trial's number.

    Raises:
        StoreError: The budget is used, or the study is finished for another reason.
    """
    with store.write() as c:
        row = studies.lock(c, study)
        number = places.next_number(c, study.study_id)
        if row.state == studies.FINISHED or number >= row.budget:
            made = f"all of its {row.budget} trials are made"
            reason = row.reason if row.state == studies.FINISHED else made
            raise StoreError(
                f"Expected a study with trials left. Received {study.name!r} ({reason}): "
                f"extend it with: tuner extend {study.name} --trials +1"
            )
        return _create(c, study, params)


def retry(store: Store, study: Study, numbers: Sequence[int] | None = None) -> list[int]:
    """Runs failed trials again, each as a new one, with the budget raised by as many.

    Args:
        numbers: Which; None for all failed ones that were not tried again yet.

    Returns:
        The new numbers.

    Raises:
        StoreError: One of them is no failed trial.
    """
    with store.write() as c:
        row = studies.lock(c, study)
        chosen = _to_retry(store, study, numbers)
        if chosen:
            studies.reopen(store, c, study, row, by=len(chosen))
        return [_create(c, study, _params(c, t.trial_id), retry_of=t.number) for t in chosen]


def _to_retry(
    store: Store, study: Study, numbers: Sequence[int] | None
) -> list[trials.TrialRecord]:
    """The failed trials with these numbers, or those that were not tried again yet."""
    records = trials.list_trials(store, study)
    failed = [t for t in records if t.state == "failed"]
    if numbers is None:
        again = {t.retry_of for t in records}
        return [t for t in failed if t.number not in again]
    wrong = set(numbers) - {t.number for t in failed}
    if wrong:
        raise StoreError(
            f"Expected numbers of failed trials. Received: {', '.join(map(str, sorted(wrong)))}. "
            f"See: tuner trials {study.name}"
        )
    return [t for t in failed if t.number in numbers]


def _params(c: Connection, trial_id: int) -> dict[str, Any]:
    """What the trial was given: what it was enqueued with, and what was sampled."""
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
    c: Connection, study: Study, params: Mapping[str, Any], *, retry_of: int | None = None
) -> int:
    number = places.next_number(c, study.study_id)
    trial_id = places.create(c, study.study_id, number)
    c.execute(
        schema.optuna_trial_system_attributes.insert().values(
            trial_id=trial_id, key=FIXED_PARAMS, value_json=json.dumps(dict(params))
        )
    )
    if retry_of is not None:
        c.execute(
            schema.trials.update()
            .where(schema.trials.c.trial_id == trial_id)
            .values(retry_of=retry_of)
        )
    return number
