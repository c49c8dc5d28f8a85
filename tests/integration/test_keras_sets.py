"""Sets of keras.datasets, from a cache that was filled before; Debian ships one of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

pytestmark = pytest.mark.keras

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
LOAD = """
import json, sys
from tuner.datasets import DataError, DataSpec, load
try:
    data = load(DataSpec(source=sys.argv[1]))
    print(json.dumps({
        "shape": data.inputs.shape, "classes": data.classes, "task": data.outputs.task,
        "rows": [len(data.train), len(data.validation), len(data.test)],
        "first": data.raw_targets("train")[:5].tolist(),
    }))
except DataError as e:
    print(json.dumps({"error": str(e)}))
"""


def load(name: str, home: Path) -> dict[str, object]:
    """What a process says of a set that has this folder for Keras's cache, and no network."""
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", LOAD, name],
        env={**os.environ, "KERAS_HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and "unshare" in done.stderr:
        pytest.skip("no namespace of its own for this process: run as root")
    said: dict[str, object] = json.loads(done.stdout)
    return said


def test_fashion_mnist_as_debian_ships_it(tmp_path: Path) -> None:
    if not DEBIAN.is_dir():
        warnings.warn("dataset-fashion-mnist is not installed", pytest.PytestWarning, stacklevel=1)
        pytest.skip("the Debian package dataset-fashion-mnist is not installed")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "fashion-mnist").symlink_to(DEBIAN)
    whole = load("fashion-mnist", tmp_path)
    assert (whole["shape"], whole["task"]) == ([28, 28], "classes")
    assert whole["rows"] == [48_000, 12_000, 10_000]
    first = load("fashion-mnist:1000", tmp_path)
    assert sum(first["rows"]) == 1000  # type: ignore[arg-type]
    assert first["classes"] == list(range(10))


@pytest.mark.parametrize("name", ["cifar10", "imdb", "reuters"])
def test_without_cache_and_network_it_is_one_line(name: str, tmp_path: Path) -> None:
    said = load(name, tmp_path)
    assert str(said["error"]).startswith(f"{name}: expected it in Keras's cache")
    assert "\n" not in str(said["error"])
