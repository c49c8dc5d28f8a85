"""Sets of keras.datasets, from a cache that was filled before; Debian ships one of them."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.sources import ROOT

pytestmark = pytest.mark.keras

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
CANNOT = 3  # exit code
LOAD = """
import ctypes, json, os, sys
if ctypes.CDLL(None).unshare(0x40000000):  # CLONE_NEWNET: no network from here on
    sys.exit(3)
from keras.src.backend import config
config._KERAS_DIR = os.environ["KERAS_HOME"]  # which Keras reads when it is imported
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
    environment = {**os.environ, "KERAS_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = warm.run([sys.executable, "-c", LOAD, name], env=environment, text=True)
    if done.returncode == CANNOT:
        pytest.skip("no namespace of its own for this process: run as root")
    said: dict[str, object] = json.loads(done.stdout)
    return said


def test_fashion_mnist_as_debian_ships_it(tmp_path: Path) -> None:
    """Where the package is installed, without a network."""
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
    """The message says where the file was expected."""
    said = load(name, tmp_path)
    assert str(said["error"]).startswith(f"{name}: expected it in Keras's cache")
    assert "\n" not in str(said["error"])
