"""A look at the machine before a study depends on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.database.engine import open_store
from tests.support.typed import Typed
from tuner.study_setup import doctor


def states(findings: list[dict[str, str]]) -> dict[str, str]:
    return {finding["what"]: finding["state"] for finding in findings}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program starts instead of TensorFlow, which takes seconds."""
    monkeypatch.setattr(doctor, "LOOK", "print(0)")


def test_a_machine_that_is_well(tuner: Typed):
    """Nothing is made by looking."""
    found = tuner.json("doctor")
    assert states(found)["store"] == "ok"
    assert {"programs", "processors", "memory", "tensorflow", "store", "models"} == {*states(found)}
    assert "bad" not in states(found).values()
    assert list(tuner.folder.iterdir()) == []
    assert "made by the first launch" in tuner("doctor").stdout


def test_a_store_that_is_there_is_timed(tuner: Typed):
    """It says how fast it answers."""
    open_store("sqlite:///tuner.db").close()
    told = next(finding["told"] for finding in tuner.json("doctor") if finding["what"] == "store")
    assert "answers in" in told


def test_what_does_not_work_is_said_with_exit_code_2(tuner: Typed, monkeypatch):
    """A library that cannot be imported and a file that is no database."""
    monkeypatch.setattr(doctor, "LOOK", "raise ImportError('no such library')")
    (tuner.folder / "tuner.db").write_text("no database at all, but long enough to look like one")
    result = tuner("doctor", "--storage", "sqlite:///tuner.db")
    assert result.exit_code == 2
    assert "it does not start: ImportError: no such library" in result.stdout
    lines = [line.split()[:2] for line in result.stdout.splitlines()]
    assert ["store", "bad"] in lines


def test_a_folder_on_the_kernels_own_file_system(tuner: Typed):
    """Where not even root may write."""
    found = tuner("doctor", "--artifacts", "/proc/models")
    assert (found.exit_code, "choose another with --artifacts" in found.stdout) == (2, True)


def test_file_systems_are_told_apart():
    """By the mount that a path lies on."""
    assert doctor._filesystem(Path("/proc/self")) == "proc"
