"""Processes in standby work when they are ordered to, and never outlive what they wait for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.polling import poll
from tuner.datasets import DataSpec
from tuner.study_setup import create_study
from tuner.study_setup.launch_request import LaunchRequest
from tuner.workers.process_pool import FLAG, ProcessPool
from tuner.workers.supervisor import Supervisor

pytestmark = pytest.mark.keras


def test_who_is_not_needed_ends():
    """With the block, whatever they were doing; their files are gone too."""
    with ProcessPool(2, 1) as process_pool:
        processes = [waiting.process for waiting in process_pool._waiting]
        files = [Path(waiting.output.name) for waiting in process_pool._waiting]
        assert [process.poll() for process in processes] == [None, None]
    assert [process.returncode for process in processes] == [-9, -9]
    assert not any(file.exists() for file in files)


def test_only_who_lives_and_has_the_same_share_is_taken():
    """All others are started anew by their supervisor."""
    with ProcessPool(2, 3) as process_pool:
        assert process_pool.take(threads=1, gpu=None) is None
        first = process_pool.take(threads=3, gpu=None)
        assert first is not None
        (other,) = process_pool._waiting
        other.process.kill()
        other.process.wait()
        assert process_pool.take(threads=3, gpu=None) is None
        first.process.kill()
        first.process.wait()
        first.start_work((), {})  # nobody is there to hear it
        first.output.close()


def test_a_supervisor_takes_them(tmp_path: Path):
    """They work like any other worker."""
    request = LaunchRequest(
        space="mlp", data=DataSpec(source="iris"), overrides=("epochs=1",), trials=1
    )
    with ProcessPool(1, 1) as process_pool:
        (waiting,) = process_pool._waiting
        store, study, _ = create_study.create_study(f"sqlite:///{tmp_path / 'store.db'}", request)
        with Supervisor(
            store, study, workers=1, threads=1, process_pool=process_pool
        ) as supervisor:
            assert supervisor._slots[0].process is waiting.process
            poll(lambda: not supervisor.watch(), waiting_for="the end of the study")
        assert (supervisor.failures, supervisor.restarts) == ([], 0)
        store.close()
    assert waiting.process.returncode == 0


def test_nobody_left_to_give_an_order():
    """The end of standard input ends them."""
    command = [sys.executable, "-P", "-m", "tuner.workers.worker", FLAG]
    assert subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0
