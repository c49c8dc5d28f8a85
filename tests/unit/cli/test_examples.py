"""The examples can be launched."""

from __future__ import annotations

import shutil

from search_spaces import catalog
from storage import studies
from storage.database.engine import open_store
from tests.support.sources import ROOT
from tests.support.typed import Typed


def test_the_lesson_is_a_grid_of_81_trials(tuner: Typed):
    """On images that need no network here; what the file says is left as it is."""
    shutil.copy(ROOT / "examples" / "first-6000.toml", tuner.folder)
    result = tuner("launch", "first-6000.toml", "--data", "digits", "--workers", "0")
    assert result.exit_code == 0, result.stderr
    store = open_store("sqlite:///tuner.db", create=False)
    study = studies.load(store, "first-6000")
    store.close()
    assert (study.budget, study.spec["sampler"], study.spec["points"]) == (81, "grid", 81)
    space = catalog.load("mlp", study.spec["overrides"])
    assert {point["learning_rate"] for point in space.grid()} == {0.01, 0.1, 1.0}
