"""Every option that takes a path: what is no file there is refused at once, and never opened."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.typed import Typed, refused

LAUNCH = ("launch", "mlp", "--data", "digits", "--workers", "0")
TABLE = ("launch", "mlp", "--data", "t.csv", "--target", "y", "--workers", "0")
HUGE = 2**43  # bytes; a sparse file of that size takes no room


def make(kind: str, path: Path) -> None:
    """Makes something that is no file to read."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "huge":
        with path.open("wb") as file:
            os.truncate(file.fileno(), HUGE)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process may be started for it: that would import TensorFlow first."""

    def start(*words: Any, **_: Any) -> None:
        raise AssertionError(f"a process was started: {words}")

    monkeypatch.setattr(subprocess, "run", start)
    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(platform, "processor", lambda: "")  # which starts one


READ = [
    ("launch", "{}.toml"),
    ("launch", "{}.py:build", "--data", "digits", "--workers", "0"),
    (*LAUNCH, "--metric", "{}.py:NAME"),
    (*LAUNCH, "--callback", "{}.py:NAME"),
    (*LAUNCH, "--objective", "{}.py:NAME"),
    (*LAUNCH, "--set", "loss={}.py:NAME"),
    (*LAUNCH, "--set", "loss=crossentropy,{}.py:NAME"),
    ("launch", "mlp", "--data", "{}.csv", "--target", "y", "--workers", "0"),
    ("launch", "mlp", "--data", "{}.parquet", "--target", "y", "--workers", "0"),
    ("launch", "mlp", "--data", "{}.npz", "--workers", "0"),
    ("launch", "mlp", "--data", "{}.tfrecord", "--workers", "0"),
    ("launch", "mlp", "--data", "{}.py:load", "--workers", "0"),
    (
        "launch",
        "mlp",
        "--data",
        "t.csv",
        "--target",
        "y",
        "--test-data",
        "{}.csv",
        "--workers",
        "0",
    ),
    (
        "launch",
        "mlp",
        "--data",
        "t.csv",
        "--target",
        "y",
        "--validation-data",
        "{}.csv",
        "--workers",
        "0",
    ),
    ("datasets", "{}.csv", "--target", "y"),
    ("datasets", "{}.npz"),
    ("spaces", "{}.py:build"),
    ("predict", "{}.keras", "t.csv"),
    ("predict", "m.keras", "{}.csv"),
    ("predict", "m.keras", "t.csv", "--code", "{}.py"),
    ("export", "mlp-digits", "m.keras", "--code", "{}.py"),
    ("dashboard", "--password-file", "{}.txt"),
    ("dashboard", "--certfile", "{}.pem"),
    ("dashboard", "--certfile", "t.csv", "--keyfile", "{}.pem"),
    (*LAUNCH, "--storage", "sqlite:///{}.db"),
    ("list", "--storage", "sqlite:///{}.db"),
]
WRITTEN = [
    ("ensemble", "mlp-digits", "{}.keras"),
    ("refit", "mlp-digits", "{}.keras"),
    ("report", "mlp-digits", "-o", "{}.html"),
    ("report", "mlp-digits", "-o", "{}.md"),
    ("trials", "mlp-digits", "--csv", "{}.csv"),
    ("predict", "m.keras", "t.csv", "-o", "{}.csv"),
    ("export", "mlp-digits", "{}.keras"),
    ("rerun", "mlp-digits", "0", "-o", "{}.keras"),
    ("compare", "mlp-digits", "other", "-o", "{}.html"),
]


def ending(words: tuple[str, ...]) -> str:
    (word,) = (word for word in words if "{}" in word)
    return word.partition("{}")[2].partition(":")[0]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "huge"])
@pytest.mark.parametrize("words", READ, ids=" ".join)
def test_what_is_no_file_is_not_read(
    tuner: Typed, words: tuple[str, ...], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, in a line that names it."""
    monkeypatch.setattr("tuner.dashboard.serve", lambda *_, **__: pytest.fail("it is served"))
    (tuner.folder / "t.csv").write_text("a,y\n" + "1,0\n2,1\n" * 50)
    make(kind, tuner.folder / f"odd{ending(words)}")
    line = refused(tuner(*(word.format("odd") for word in words)))
    assert len(line) <= 300


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and a study named `mlp-digits`, which nothing here may change."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "t.csv").write_text("a,y\n" + "1,0\n2,1\n" * 50)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("TUNER_STORAGE", raising=False)
        assert Typed(folder)(*LAUNCH).exit_code == 0
    return folder


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
@pytest.mark.parametrize("words", WRITTEN, ids=" ".join)
def test_what_is_no_file_is_not_written(
    tuner: Typed,
    home: Path,
    words: tuple[str, ...],
    kind: str,
    force: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither with --force: a device is no place for a model."""
    monkeypatch.chdir(home)
    path = home / f"odd{ending(words)}"
    make(kind, path)
    before = path.lstat()
    line = refused(tuner(*(word.format("odd") for word in words), *["--force"][:force]))
    assert len(line) <= 300
    assert "odd" in line
    assert path.lstat().st_ino == before.st_ino
    path.rmdir() if kind == "folder" else path.unlink()
