"""Folders of ``.npy`` files: mapped, and prepared without ever being in memory as a whole."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support import warm
from tests.support.sources import ROOT
from tuner.datasets import DataError, DataSpec, cache, describe, load, load_shared
from tuner.datasets.cache_folder import FOLDER_VARIABLE

MEGABYTE = 1 << 20

# Private memory is limited to what there is and a bit; mapped files do not count.
LITTLE = """
import json, resource, sys
from pathlib import Path
import sklearn.metrics
from tuner.datasets import DataSpec, load_shared
status = Path("/proc/self/status").read_text()
data = int(status.split("VmData:")[1].split()[0]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (data + int(sys.argv[2]), -1))
try:
    found = load_shared(DataSpec(source=sys.argv[1], learns=sys.argv[3]))
    print(json.dumps([len(found.train), str(type(found.train.x))]))
except MemoryError:
    print(json.dumps("too little memory"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """60 rows of two columns, three labels."""
    path = tmp_path / "rows"
    path.mkdir()
    np.save(path / "x.npy", np.random.default_rng(0).normal(3, 2, (60, 2)))
    np.save(path / "y.npy", np.array(["a", "b", "c"] * 20))
    return path


def test_a_folder_is_read_as_an_archive_would_be(folder: Path, tmp_path: Path):
    """The same rows and fingerprint, and it is described."""
    np.savez(tmp_path / "rows.npz", x=np.load(folder / "x.npy"), y=np.load(folder / "y.npy"))
    mapped, archive = (load(DataSpec(source=str(path))) for path in (folder, tmp_path / "rows.npz"))
    assert mapped.fingerprint == archive.fingerprint
    np.testing.assert_array_equal(mapped.train.x, archive.train.x)
    assert describe(str(folder)).rows == 60


def test_pieces_give_the_numbers_of_the_whole(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """However the rows are cut, scaling and rows agree."""
    x = np.random.default_rng(1).normal(1e3, 5, (9_000, 3))
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", np.arange(9_000) % 3)
    whole = load(DataSpec(source=str(folder)))
    monkeypatch.setattr("tuner.datasets.chunks.BYTES", 1)  # pieces of 4096 rows
    cut = load(DataSpec(source=str(folder)))
    np.testing.assert_allclose(cut.train.x, whole.train.x, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(cut.train.y, whole.train.y)


def test_a_file_in_the_folder_that_changes_is_seen(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What was kept of the old labels is not used."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "LARGE", 0)
    spec = DataSpec(source=str(folder))
    before = load_shared(spec)
    np.save(folder / "y.npy", np.array(["c", "b", "a"] * 20))
    after = load_shared(spec)
    assert after.fingerprint == load(spec).fingerprint != before.fingerprint


@pytest.mark.parametrize("learns", ["targets", "rows"])
def test_rows_may_be_more_than_memory_holds(tmp_path: Path, learns: str):
    """60 MB of bytes are 240 MB as float32; 150 MB must do, and 20 MB do not."""
    rows = tmp_path / "rows"
    rows.mkdir()
    x = np.lib.format.open_memmap(rows / "x.npy", mode="w+", dtype=np.uint8, shape=(60_000, 1000))
    x[:] = np.arange(1000) % 251
    x[::2] += 3
    np.save(rows / "y.npy", np.arange(60_000) % 2)
    answers = [
        json.loads(
            warm.run(
                [sys.executable, "-c", LITTLE, str(rows), str(size * MEGABYTE), learns],
                env={**os.environ, FOLDER_VARIABLE: str(tmp_path / f"cache-{size}")},
                text=True,
                cwd=ROOT,
            ).stdout
        )
        for size in (150, 20)
    ]
    assert answers[0] == [36_000, "<class 'numpy.memmap'>"]
    assert answers[1] == "too little memory"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.npy", b"no array", "Received: "),
        ("x.npy", b"", "write it again with numpy.save"),
        ("w.npy", None, "expected a number as the weight of each"),
    ],
)
def test_a_damaged_folder_is_one_clear_line(folder: Path, name: str, content, message: str):
    """A file that is no array or is empty, and weights that are none."""
    if content is None:
        np.save(folder / name, np.ones((60, 4)))
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        load(DataSpec(source=str(folder)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_targets_says_what_is_missing(folder: Path):
    """It asks for y."""
    (folder / "y.npy").unlink()
    with pytest.raises(DataError, match="add y"):
        load(DataSpec(source=str(folder)))
