"""The example with two inputs and a shared layer, from launch to a file that takes a dict."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support import warm
from tests.support.sources import ROOT
from tests.support.terminal import Terminal
from tuner.datasets import DataSpec, load

pytestmark = [pytest.mark.keras, pytest.mark.slow]

SCRIPT = """
import json
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
import tuner

if __name__ == "__main__":
    digits = load_digits()
    neighbours = {"first": digits.images[:-1], "second": digits.images[1:]}
    same = digits.target[:-1] == digits.target[1:]
    options = {"trials": 1, "workers": 1, "set": {"epochs": 2}, "quiet": True}
    pairs = tuner.launch("two_inputs.py:Siamese", data=(neighbours, same), study="pairs", **options)
    few = pairs.predict({name: rows[:4] for name, rows in neighbours.items()})
    labels = pd.DataFrame({"even": digits.target % 2 == 0, "above 4": digits.target > 4})
    known = tuner.launch("mlp", data=(digits.data, labels), study="known", **options)
    print(json.dumps([few.columns.tolist(), len(few), known.predict(digits.data[:5]).to_dict()]))
"""


def test_two_inputs_from_launch_to_predictions(tmp_path: Path) -> None:
    """An example of this repository, with every command that looks at answers."""
    shutil.copy(ROOT / "examples" / "two_inputs.py", tmp_path)
    tuner = Terminal(tmp_path)
    launch = ["launch", "two_inputs.py:Siamese", "--data", "two_inputs.py:pairs", "--study", "same"]
    ended = tuner(*launch, "--trials", "3", "--workers", "2", "--set", "epochs=10")
    assert ended.returncode == 0, ended.stderr
    assert tuner("launch", "two_inputs.py:Siamese", "--data", "digits").returncode == 2
    best, scores = tuner.json("best", "same"), tuner.json("evaluate", "same")
    assert scores["accuracy"] > 0.7
    assert best["metrics"]["test_loss"] == pytest.approx(scores["loss"], abs=1e-5)
    assert tuner("export", "same", "model.keras").returncode == 0
    data = load(DataSpec(source=f"{tmp_path / 'two_inputs.py'}:pairs"))
    raw = data.raw("test")
    np.savez(tmp_path / "rows.npz", first=raw["first"], second=raw["second"])
    answers = tuner.json("predict", "model.keras", "rows.npz")
    right = [a["prediction"] == y for a, y in zip(answers, data.raw_targets("test"), strict=True)]
    assert np.mean(right) == pytest.approx(scores["accuracy"], abs=0.01)
    (tmp_path / "rows.csv").write_text("first,second\n1,2\n")
    refused = tuner("predict", "model.keras", "rows.csv")
    assert refused.returncode == 2
    assert "expected a .npz file with the arrays first, second" in refused.stderr
    assert tuner("ensemble", "same", "--top", "2", "-o", "mean.keras").returncode == 0


def test_several_inputs_and_labels_from_memory(tmp_path: Path) -> None:
    """In a script, with arrays and a data frame whose columns name the labels."""
    shutil.copy(ROOT / "examples" / "two_inputs.py", tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TUNER_STORAGE", None)
    done = warm.run([sys.executable, "script.py"], cwd=tmp_path, env=environment, text=True)
    assert done.returncode == 0, done.stderr
    columns, rows, predicted = json.loads(done.stdout.splitlines()[-1])
    assert (columns, rows) == (["prediction", "p(False)", "p(True)"], 4)
    assert list(predicted) == ["prediction", "p(even)", "p(above 4)"]
    assert len(predicted["prediction"]) == 5
