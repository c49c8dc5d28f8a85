"""A script of a user's own, without a `__main__` guard: arrays in, a model out."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.sources import ROOT

pytestmark = [pytest.mark.keras, pytest.mark.slow]

SCRIPT = """
import json

from sklearn.datasets import load_wine

import tuner

print("once")
x, y = load_wine(return_X_y=True)
study = tuner.launch(
    "mlp", data=(x, y), trials=2, workers=1, quiet=True, set={"epochs": 3, "batch_size": 16}
)
model = study.load_model()
accuracy = float((model.predict(x, verbose=0).argmax(axis=1) == y).mean())
print(json.dumps({
    "states": study.trials.state.tolist(),
    "best": study.best.value,
    "exported": str(study.export("wine.keras")),
    "accuracy": accuracy,
}))
"""


def test_a_script_without_a_guard(tmp_path: Path):
    """Workers do not run it again."""
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TUNER_STORAGE", None)
    done = warm.run([sys.executable, "script.py"], cwd=tmp_path, env=environment, text=True)
    assert done.returncode == 0, done.stderr
    once, answer = done.stdout.splitlines()
    assert once == "once"
    found = json.loads(answer)
    assert found["states"] == ["complete", "complete"]
    assert found["accuracy"] > 0.5
    card = json.loads((tmp_path / "wine.json").read_text())
    assert card["objective"]["value"] == found["best"]
    assert (tmp_path / found["exported"]).exists()
