"""The example of an objective function does what it says."""

from __future__ import annotations

from pathlib import Path

from storage import trial_writes, trials
from storage.database.engine import Store
from tests.support.objectives import objective_study, work
from tests.support.sources import ROOT

CODE = (ROOT / "examples" / "objective.py").read_text()


def test_scikit_learn(store: Store, tmp_path: Path):
    """It learns digits, and its model is kept as a file."""
    study = objective_study(store, tmp_path, CODE, budget=2, maximize=True)
    work(store, study)
    records = trials.list_trials(store, study)
    assert [record.state for record in records] == ["complete"] * 2, records[0].failure
    assert trials.best(store, study)[0].value > 0.9
    assert {file.name for file in trial_writes.files(store, study)[records[0].trial_id]} == {
        "model.pkl"
    }
