"""Large data are loaded once on a machine: the same numbers, mapped; whatever changed is seen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.sources import ROOT
from tuner.datasets import DataError, DataSpec, cache_room, load
from tuner.datasets import cache as data_cache
from tuner.datasets.cache import load_shared
from tuner.datasets.cache_folder import FOLDER_VARIABLE
from tuner.datasets.cache_room import clear
from tuner.datasets.prepared_data import Data

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.array(["yes", "no", "yes"] * 20)

SEVERAL = """
import os, sys
from tuner.datasets import DataSpec, cache
cache.LARGE = 0
real = cache.load
def load(spec, **options):
    print("loaded", flush=True)
    return real(spec, **options)
cache.load = load
assert isinstance(cache.load_shared(DataSpec(source=sys.argv[1])).train.x, cache.np.memmap)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, for data of any size."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(data_cache, "LARGE", 0)
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path: Path) -> DataSpec:
    """A file that can be changed."""
    return write(tmp_path / "rows.npz")


def write(path: Path, x: Any = X, y: Any = Y) -> DataSpec:
    np.savez(path, x=x, y=y)
    return DataSpec(source=str(path))


def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing may be read from a source."""

    def refuse(spec: DataSpec) -> Data:
        raise AssertionError("it was read")

    monkeypatch.setattr(data_cache, "load", refuse)


def assert_same(mine: Data, theirs: Data) -> None:
    for part in ("train", "validation", "test"):
        for name in ("x", "y"):
            one, other = (getattr(getattr(data, part), name) for data in (mine, theirs))
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(mine.raw(part), theirs.raw(part))
        np.testing.assert_array_equal(mine.raw_targets(part), theirs.raw_targets(part))
    for name in ("name", "inputs", "outputs", "classes", "fingerprint", "columns", "target_unit"):
        assert getattr(mine, name) == getattr(theirs, name), name


@pytest.mark.parametrize("name", ["diabetes", "iris", "digits:500", "breast-cancer"])
def test_the_numbers_are_the_same(name: str, monkeypatch: pytest.MonkeyPatch):
    """Whether they were kept just now or found."""
    spec, loaded = DataSpec(source=name), load(DataSpec(source=name))
    for _ in range(2):
        found = load_shared(spec)
        assert isinstance(found.train.x, np.memmap)
        assert_same(found, loaded)
    unread(monkeypatch)
    assert load_shared(spec).fingerprint == loaded.fingerprint


def test_a_source_that_changed_is_read_again(source: DataSpec, tmp_path: Path):
    """Even one of the same size; raw rows never come from another state than the scaled ones."""
    before = load_shared(source)
    write(tmp_path / "rows.npz", x=X[::-1])
    after = load_shared(source)
    assert after.fingerprint == load(source).fingerprint != before.fingerprint
    assert_same(after, load(source))
    with pytest.raises(DataError, match="unchanged since it was cached"):
        before.raw("test")


def test_settings_are_not_mixed_up(source: DataSpec):
    """Another seed, scaling or task is another entry."""
    load_shared(source)
    for other in ({"seed": 1}, {"scaling": "minmax"}, {"task": "classes"}, {"test": 0.3}):
        spec = DataSpec(source=source.source, **other)  # type: ignore[arg-type]
        assert_same(load_shared(spec), load(spec))


def test_functions_are_called_each_time(tmp_path: Path):
    """Nobody can tell what they will return; their arrays are kept all the same."""
    path, calls = tmp_path / "data.py", tmp_path / "calls"
    path.write_text(
        "import numpy as np\n"
        "def rows():\n"
        f"    open({str(calls)!r}, 'a').write('x')\n"
        "    return np.arange(60.0).reshape(30, 2), np.arange(30) % 2\n"
    )
    for _ in range(2):
        data = load_shared(DataSpec(source=f"{path}:rows"))
        assert isinstance(data.train.x, np.memmap)
    assert calls.read_text() == "xx"


def test_what_a_process_writes_stays_its_own(source: DataSpec):
    """TensorFlow demands that memory can be written to."""
    load_shared(source).train.x[:] = 7.0
    assert_same(load_shared(source), load(source))


def test_damaged_entries_are_made_again(source: DataSpec, cache: Path):
    """As a full disk or a machine that failed may leave them."""
    load_shared(source)
    (file,) = cache.glob("data/*/train-x.npy")
    file.chmod(0o600)
    os.truncate(file, 200)
    assert_same(load_shared(source), load(source))
    assert_same(load_shared(source), load(source))


def test_small_data_are_not_kept(source: DataSpec, cache: Path, monkeypatch: pytest.MonkeyPatch):
    """They are loaded as quickly as found."""
    monkeypatch.setattr(data_cache, "LARGE", 10_000_000)
    for _ in range(2):
        assert not isinstance(load_shared(source).train.x, np.memmap)
    assert not (cache / "data").exists()


def test_without_a_place_data_are_simply_loaded(
    source: DataSpec, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    """A file stands where the folder should be; or the disk is nearly full."""
    monkeypatch.setattr(cache_room, "SPARE", 1e18)
    assert_same(load_shared(source), load(source))
    assert clear() == []
    monkeypatch.setenv(FOLDER_VARIABLE, str(cache.parent / "rows.npz"))
    assert_same(load_shared(source), load(source))


def test_old_entries_go(source: DataSpec, cache: Path, monkeypatch: pytest.MonkeyPatch):
    """When room is made for others, or when asked for; those in use are kept by their users."""
    used = load_shared(source)
    (entry,) = (cache / "data").iterdir()
    assert clear(older_than=3600) == []
    assert clear(dry_run=True) == [str(entry)]
    os.utime(entry, (0, 0))
    load_shared(DataSpec(source="iris"))
    assert not entry.exists()
    assert used.train.x.sum() == load(source).train.x.sum()
    monkeypatch.setattr(cache_room, "MOST", 1)
    load_shared(source)
    assert [path.name for path in (cache / "data").iterdir()] == [entry.name]
    assert clear() == [str(entry)]
    assert not list(cache.glob("*/*"))


def test_several_processes_read_once(source: DataSpec):
    """The first one reads; the others wait and map."""
    command = [sys.executable, "-c", SEVERAL, source.source]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert "".join(printed).count("loaded") == 1
