"""Trials read in bulk are those that Optuna reads one by one."""

from __future__ import annotations

import math
from contextlib import closing

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from storage.database.engine import open_store
from tests.support import study_history

ENDED = (TrialState.COMPLETE, TrialState.FAIL)


@pytest.mark.mariadb
def test_they_are_equal_to_the_last_field(store_url: str):
    """Values that are no numbers, attributes, waiting trials, several objectives; any selection."""
    with closing(open_store(store_url)) as store:
        ours = study_history.make(store, trials=12).study_id
        study = optuna.create_study(storage=store.optuna, directions=["minimize", "maximize"])
        study.enqueue_trial({"x": 1})
        trial = study.ask()
        trial.suggest_categorical("c", [None, True, "a"])
        trial.set_user_attr("of", {"any": ["kind"]})
        study.tell(trial, [math.inf, -1.5])
        single = optuna.create_study(storage=store.optuna, study_name="single")
        running = single.ask()
        for step, value in enumerate((math.nan, math.inf, 0.5)):
            running.report(value, step)
        for study_id in (ours, study._study_id, single._study_id):
            every = store.optuna._get_trials(study_id, None, set(), -1)
            ids = [found._trial_id for found in every]
            for states, again, after in (
                (None, set(), -1),
                (ENDED, set(), -1),
                (None, {ids[0]}, ids[-1]),
                (None, {*ids}, ids[0]),
            ):
                arguments = (study_id, states, again, after)
                found = store.optuna._get_trials(*arguments)
                assert repr(found) == repr(RDBStorage._get_trials(store.optuna, *arguments))
        with pytest.raises(KeyError):
            store.optuna._get_trials(4711, None, set(), -1)
