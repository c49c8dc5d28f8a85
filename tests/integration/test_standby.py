"""Processes in standby work when they are ordered to, and never outlive what they wait for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.polling import poll
from tuner import launching
from tuner.datasets import DataSpec
from tuner.launching import Request
from tuner.standby import FLAG, Standby
from tuner.supervisor import Supervisor

pytestmark = pytest.mark.keras


def test_who_is_not_needed_ends():
    """With the block, whatever they were doing; their files are gone too."""
    with Standby(2, 1) as standby:
        processes = [waiting.process for waiting in standby._waiting]
        files = [Path(waiting.output.name) for waiting in standby._waiting]
        assert [process.poll() for process in processes] == [None, None]
    assert [process.returncode for process in processes] == [-9, -9]
    assert not any(file.exists() for file in files)


def test_only_who_lives_and_has_the_same_share_is_taken():
    """All others are started anew by their supervisor."""
    with Standby(2, 3) as standby:
        assert standby.take(threads=1, gpu=None) is None
        first = standby.take(threads=3, gpu=None)
        assert first is not None
        (other,) = standby._waiting
        other.process.kill()
        other.process.wait()
        assert standby.take(threads=3, gpu=None) is None
        first.process.kill()
        first.process.wait()
        first.order((), {})  # nobody is there to hear it
        first.output.close()


def test_a_supervisor_takes_them(tmp_path: Path):
    """They work like any other worker."""
    request = Request(space="mlp", data=DataSpec(source="iris"), overrides=("epochs=1",), trials=1)
    with Standby(1, 1) as standby:
        (waiting,) = standby._waiting
        store, study, _ = launching.launch(f"sqlite:///{tmp_path / 'store.db'}", request)
        with Supervisor(store, study, workers=1, threads=1, standby=standby) as supervisor:
            assert supervisor._seats[0].process is waiting.process
            poll(lambda: not supervisor.watch(), 120, waiting_for="the end of the study")
        assert (supervisor.failures, supervisor.restarts) == ([], 0)
        store.close()
    assert waiting.process.returncode == 0


def test_nobody_left_to_give_an_order():
    """The end of standard input ends them."""
    command = [sys.executable, "-P", "-m", "tuner.worker", FLAG]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, timeout=120).returncode == 0
