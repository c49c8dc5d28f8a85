"""How many workers a machine gets; GPUs are those that CUDA_VISIBLE_DEVICES names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.conftest import Typed, tuner  # noqa: F401 - a fixture
from tuner.errors import UserError
from tuner.resources import memory
from tuner.studies.study_spec import StudySpec
from tuner.workers import calibration, worker_count
from tuner.workers.calibration import CalibrationResult, candidates
from tuner.workers.worker_count import WorkerPlan

Patch = pytest.MonkeyPatch


def gpus(monkeypatch: Patch, names: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", names)


def test_one_worker_a_gpu(monkeypatch: Patch):
    """Unless they are to share; nothing needs to be measured then."""
    gpus(monkeypatch, "0,GPU-1a")
    assert WorkerPlan().count == WorkerPlan(workers="auto").count == 2
    assert WorkerPlan(workers="auto", per_gpu=3).count == 6
    assert WorkerPlan(workers=1).count == 1


def test_more_workers_than_gpus_have_room_for(monkeypatch: Patch):
    """One line that says with what it would go."""
    gpus(monkeypatch, "0,1")
    WorkerPlan(workers=6, per_gpu=3).check()
    with pytest.raises(UserError, match=r"at most 2 workers.*Received: 5.*--workers-per-gpu 3"):
        WorkerPlan(workers=5).check()


@pytest.mark.parametrize("names", ["", "-1"])
def test_without_a_gpu_any_number_goes(monkeypatch: Patch, names: str):
    """By default one a core, up to four; only `auto` is measured."""
    gpus(monkeypatch, names)
    monkeypatch.setattr(worker_count, "cores", lambda: 64)
    WorkerPlan(workers=50).check()
    assert (WorkerPlan().count, WorkerPlan(workers=50).count, WorkerPlan(workers="auto").count) == (
        4,
        50,
        None,
    )


@pytest.mark.parametrize("wrong", ["fast", -1, 1.5])
def test_what_is_no_number(wrong: Any):
    """As a notebook may pass it."""
    with pytest.raises(UserError, match="auto"):
        WorkerPlan(workers=wrong).check()


def test_commands_refuse_before_anything_is_made(tuner: Typed, monkeypatch: Patch):  # noqa: F811
    """One line, exit code 2."""
    gpus(monkeypatch, "0")
    for words in (("launch", "mlp", "--data", "iris"), ("worker", "mlp-iris")):
        result = tuner(*words, "--workers", "2")
        assert result.exit_code == 2
        assert "at most 1 worker on 1 GPU with 1 on each" in result.stderr
    assert not list(tuner.folder.iterdir())
    assert tuner("launch", "mlp", "--data", "iris", "--workers", "many").exit_code == 2


def test_numbers_that_are_tried():
    """Powers of two, and as many as there are cores."""
    assert [candidates(most) for most in (0, 1, 2, 6, 8)] == [
        [1],
        [1],
        [1, 2],
        [1, 2, 4, 6],
        [1, 2, 4, 8],
    ]


def test_fewer_workers_are_preferred():
    """Where more get hardly more done."""
    assert CalibrationResult(rates={1: 100.0, 2: 190.0, 4: 195.0}).workers == 2
    assert CalibrationResult(rates={1: 100.0, 2: 104.0}).workers == 1
    assert (
        str(CalibrationResult(rates={1: 1234.5}))
        == "Workers: 1. Measured rows a second: 1,234 with 1."
    )


class Team:
    """Stands for processes: each holds ten bytes, and six of them do not get through."""

    size = 10

    def __init__(self, spec: Any, count: int, **options: Any) -> None:
        self._count = count

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def rate(self) -> float:
        if self._count == 6:
            raise UserError("a process ended")
        return 100.0 * self._count


@pytest.mark.parametrize(
    ("free", "tried", "limit"),
    [
        (None, [1, 2, 4], "6 did not get through: a process ended"),
        (45, [1, 2, 4], "6 have no room in memory"),
        (30, [1, 2], "4 have no room in memory"),
    ],
)
def test_memory_is_the_limit(monkeypatch: Patch, free: int | None, tried: list[int], limit: str):
    """More than fit are not even tried."""
    monkeypatch.setattr(calibration, "_Team", Team)
    monkeypatch.setattr(calibration, "cores", lambda: 6)
    monkeypatch.setattr(memory, "available", lambda: free)
    spec: StudySpec = None  # type: ignore[assignment]
    found = calibration.measure(spec, most=100, threads=None, go_on=lambda: True)
    assert (list(found.rates), found.limit) == (tried, limit)
