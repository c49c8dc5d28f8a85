"""The examples in the docstrings of the Python API, on a study that was trained."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tuner
from tuner.api import Study, launch, load

pytestmark = [pytest.mark.keras, pytest.mark.slow]
SMALL = {"epochs": "1", "layers": "1", "units": "8", "batch_size": "128", "optimizer": "adam"}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the examples take for there: a study with models, rows and targets."""
    folder = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("TUNER_STORAGE", raising=False)
        study = tuner.launch("mlp", data="digits", trials=3, workers=1, quiet=True, set=SMALL)
    x = np.random.default_rng(0).uniform(0, 16, (60, 64))
    y = np.arange(60) % 3
    houses = pd.DataFrame({"size": x[:, 10], "price": x[:, 20]})
    houses.to_csv(folder / "house.csv", index=False)
    return {"tuner": tuner, "study": study, "x": x, "y": y, "rows": x, "folder": folder}


def test_every_example_of_the_api_runs(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    """In its order; where one launches, no worker is started."""
    import keras

    monkeypatch.chdir(names["folder"])
    monkeypatch.delenv("TUNER_STORAGE", raising=False)
    finder = doctest.DocTestFinder()
    tests = [
        test
        for thing in (load, Study, launch)
        for test in finder.find(thing, thing.__name__)
        if test.examples and test.name != "Study.front"  # of several objectives
    ]
    assert len(tests) >= 10
    for test in tests:
        given = {**names, "keras": keras}
        for example in test.examples:
            source = example.source.replace("workers=2", "workers=0")
            exec(compile(source, test.name, "exec"), given)
    assert (Path(names["folder"]) / "model.keras").exists()
