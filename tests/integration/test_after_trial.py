"""Why nobody tells a sampler that a trial has ended: none of ours would do anything about it."""

from __future__ import annotations

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState

from storage.database.engine import open_store
from storage.sampling.sampler_storage import SamplerStorage
from tests.support.stores import claim, make
from tuner.search import samplers

ENDS = {TrialState.COMPLETE: [0.5], TrialState.PRUNED: [0.5], TrialState.FAIL: None}


@pytest.mark.parametrize("name", samplers.SAMPLERS)
def test_a_sampler_has_nothing_to_do_after_a_trial(name: str, sqlite_url: str):
    """It reads nothing and leaves nothing, so that ``leases.finish`` need not ask it.

    Where this fails, as with a sampler that is given constraints, its attributes must be asked
    for and written in the transaction that ends the trial.
    """
    store = open_store(sqlite_url)
    try:
        held = claim(store, make(store))
        history = SamplerStorage(store)
        history.begin(held.trial_id)
        sampler = samplers.make(name, seed=1)
        study = optuna.Study("study", history, sampler=sampler)
        trial = history.get_trial(held.trial_id)
        statements: list[str] = []
        sa.event.listen(
            store.engine, "before_cursor_execute", lambda *told: statements.append(told[2])
        )
        for state, values in ENDS.items():
            sampler.after_trial(study, trial, state, values)
        assert (history.attributes, statements) == ({}, [])
    finally:
        store.close()
