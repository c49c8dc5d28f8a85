"""Workers that die, stop, hang and are sent away, in real processes: no epoch is lost."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import study_states, trials, workers
from storage.pruning import PromotionRule
from storage.studies import Study
from tests.support.polling import poll
from tests.support.working import (
    STEADY,
    Workplace,
    attempts,
    curves,
    epochs,
    lease,
    record,
)
from tuner.workers import supervisor
from tuner.workers.supervisor import Supervisor

pytestmark = [pytest.mark.keras, pytest.mark.slow]

EPOCHS = 30
LEASE = 2.0  # seconds
OVERRIDES = (*STEADY, f"epochs={EPOCHS}")
MEASURED = ("loss", "val_loss", "accuracy", "val_accuracy", "learning_rate")


@pytest.fixture(scope="module")
def uninterrupted(place: Workplace) -> dict[int, list[dict[str, float]]]:
    """The curves of two trials that nobody disturbed; those of every study here are the same."""
    study = place.study("uninterrupted", budget=2, overrides=OVERRIDES)
    place.work(study)
    return curves(place.store, study)


def assert_same_curve(
    place: Workplace, study: Study, expected: dict[int, list[dict[str, float]]], *numbers: int
) -> None:
    """Every epoch once, and each with the numbers of an uninterrupted trial."""
    found = curves(place.store, study)
    for number in numbers:
        assert [point["epoch"] for point in found[number]] == list(range(1, EPOCHS + 1))
        for point, other in zip(found[number], expected[number], strict=True):
            for name in MEASURED:
                assert point[name] == pytest.approx(other[name], abs=1e-6), (point, name)
        assert record(place.store, study, number).state == "complete"
        lowest = min(point["val_loss"] for point in expected[number])
        assert record(place.store, study, number).value == pytest.approx(lowest, abs=1e-6)


def reached(place: Workplace, study: Study, epoch: int, number: int = 0) -> Callable[[], Any]:
    """A condition: the trial has a checkpoint and has reported an epoch."""

    def met() -> Any:
        row = lease(place.store, study, number)
        return row if row and row.checkpoints and row.epoch >= epoch else None

    return met


def test_killed(place: Workplace, uninterrupted: dict[int, Any]):
    """After kill -9 the other worker goes on with the same trial once the lease has run out."""
    study = place.study("killed", budget=1, overrides=OVERRIDES)
    both = {worker.name: worker for worker in (place.worker(study), place.worker(study))}
    row = poll(reached(place, study, 8))
    first = both.pop(row.worker_id)
    (second,) = both.values()
    first.send(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert second.wait() == 0, second
    assert_same_curve(place, study, uninterrupted, 0)
    lost, again = attempts(place.store, study)
    assert (lost.token, lost.worker_id, lost.ended_as) == (1, row.worker_id, "lost")
    assert (again.token, again.ended_as) == (2, "complete")
    taken = [epoch.token for epoch in epochs(place.store, study)]
    assert taken == sorted(taken)
    assert set(taken) == {1, 2}
    assert place.files(study, "checkpoints") == []


def test_sent_away(place: Workplace, uninterrupted: dict[int, Any]):
    """SIGTERM: the trial is given back with its last epoch, and the next worker has it at once."""
    study = place.study("sent-away", budget=2, overrides=OVERRIDES, lease=3600.0)
    first = place.worker(study)
    poll(reached(place, study, 5))
    first.send(signal.SIGTERM)
    assert first.wait() == 0, first
    row = lease(place.store, study, 0)
    assert (row.state, row.worker_id) == ("waiting", None)
    assert f"epoch-{row.epoch}.npz" in place.files(study, "checkpoints")[-1], "the last epoch"
    assert record(place.store, study).state == "waiting"

    place.work(study)
    assert_same_curve(place, study, uninterrupted, 0, 1)
    returned, again, _ = attempts(place.store, study)
    assert (returned.ended_as, again.ended_as) == ("returned", "complete")
    written = [epoch for epoch in epochs(place.store, study) if epoch.number == 0]
    assert [epoch.token for epoch in written].count(1) == row.epoch, "an epoch was trained twice"


NOTING = """
import keras

class Noting(keras.callbacks.Callback):
    def __init__(self, trial):
        super().__init__()
        self.trial = trial

    def on_epoch_end(self, epoch, logs=None):
        with open({notes!r}, "a") as file:
            print(self.trial.study, self.trial.number, epoch + 1, file=file)
"""


def test_rested(place: Workplace, tmp_path: Path):
    """A trial that rested goes on with the curve that it would have had, no epoch trained twice."""
    code, notes = tmp_path / "noting.py", tmp_path / "notes"
    code.write_text(NOTING.format(notes=str(notes)))
    common: dict[str, Any] = {
        "budget": 8,
        "overrides": (*STEADY, "epochs=4"),
        "callbacks": (f"{code}:Noting",),
    }
    rule = PromotionRule(warmup=1, reduction=2)
    studies = [place.study("rested", pruner=rule.to_dict(), **common), place.study("not", **common)]
    for study in studies:
        place.work(study)
    whole = curves(place.store, studies[1])
    for number, curve in curves(place.store, studies[0]).items():
        for point, other in zip(curve, whole[number], strict=False):
            for name in MEASURED:
                assert point[name] == pytest.approx(other[name], abs=1e-6), (number, point, name)
    trained = [line for line in notes.read_text().splitlines() if line.startswith("rested")]
    assert len(trained) == len(set(trained)) == len(epochs(place.store, studies[0])) < 8 * 4
    ended = [a.ended_as for a in attempts(place.store, studies[0])]
    assert len(ended) > 8, "no trial was promoted"
    assert {t.state for t in trials.list_trials(place.store, studies[0])} == {"complete", "pruned"}
    assert set(ended) == {"complete", "rested"}
    assert place.files(studies[0], "checkpoints") == []


def test_stopped_and_continued(place: Workplace, uninterrupted: dict[int, Any]):
    """A worker that was asleep for longer than its lease writes nothing more of that trial."""
    study = place.study("stopped", budget=2, overrides=OVERRIDES)
    first = place.worker(study)
    row = poll(reached(place, study, 5))
    first.send(signal.SIGSTOP)
    second = place.worker(study)
    poll(lambda: lease(place.store, study, 0).token == 2, waiting_for="a take-over")
    poll(lambda: lease(place.store, study, 0).epoch > row.epoch + 3)
    first.send(signal.SIGCONT)
    assert (first.wait(), second.wait()) == (0, 0), f"{first}\n{second}"
    assert_same_curve(place, study, uninterrupted, 0, 1)
    assert "the lease on trial 0 is lost" in first.said
    assert "trial 1" in first.said + second.said, "the stopped one goes on with other trials"
    lost, again = [a for a in attempts(place.store, study) if a.number == 0]
    assert (lost.ended_as, again.ended_as) == ("lost", "complete")
    late = [e for e in epochs(place.store, study) if e.token == 1 and e.number == 0]
    assert max(epoch.recorded_at for epoch in late) < again.started_at
    models = place.files(study, "models")
    assert not [name for name in models if "trial-00000-token-1" in name]
    assert place.files(study, "checkpoints") == []


def _given_back(place: Workplace, name: str) -> tuple[Study, list[Path]]:
    """A study whose trial waits with two checkpoints, the newest first."""
    study = place.study(name, budget=1, overrides=OVERRIDES, lease=60.0)
    worker = place.worker(study)
    poll(reached(place, study, 3))
    poll(reached(place, study, lease(place.store, study, 0).epoch + 3))
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    folder = Path(study.spec["artifacts"]) / study.uuid / "checkpoints"
    newest_first = sorted(folder.iterdir(), key=lambda path: -int(path.stem.split("-")[-1]))
    assert len(newest_first) == 2, newest_first
    return study, newest_first


@pytest.mark.parametrize("damaged", [1, 2])
def test_damaged_checkpoints(place: Workplace, uninterrupted: dict[int, Any], damaged: int):
    """One damaged file costs the epochs since the one before, two the way from the start."""
    study, files = _given_back(place, f"damaged-{damaged}")
    for path in files[:damaged]:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    worker = place.work(study)
    assert worker.said.count("cannot be used") == damaged, worker
    assert_same_curve(place, study, uninterrupted, 0)
    assert place.files(study, "checkpoints") == []


HANGS_ONCE = '''
"""Hangs when a model is built for the first time."""

import threading
from pathlib import Path

HUNG = Path(__file__).with_suffix(".hung")


def build(trial, inputs, outputs):
    import keras

    if not HUNG.exists():
        HUNG.touch()
        threading.Event().wait()
    rows = keras.Input(inputs.shape)
    return keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(rows))
'''

GROWS_ONCE = '''
"""Makes the process that builds the first model look as if it held all memory."""

from pathlib import Path

from tuner.resources import memory

GROWN = Path(__file__).with_suffix(".grown")


def build(trial, inputs, outputs):
    import keras

    if not GROWN.exists():
        GROWN.touch()
        memory.resident = memory.total
    rows = keras.Input(inputs.shape)
    return keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(rows))
'''

SLOW_ONCE = '''
"""Takes long to build the first model, and works on it all the time; then a moment for each."""

import time
from pathlib import Path

BUILT = Path(__file__).with_suffix(".built")


def build(trial, inputs, outputs):
    import keras

    if not BUILT.exists():
        BUILT.touch()
        until = time.monotonic() + {seconds}
        while time.monotonic() < until:
            pass
    time.sleep(0.1)
    rows = keras.Input(inputs.shape)
    return keras.Model(rows, keras.layers.Dense(outputs.units, outputs.activation)(rows))
'''

SHORT = ("optimizer=adam", "schedule=constant", "batch_size=64", "epochs=3")


@pytest.fixture
def eager_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that looks for silent workers all the time."""
    monkeypatch.setattr(supervisor, "LOOK_EVERY", 0.5)


def own_space(place: Workplace, name: str, source: str) -> str:
    path = place.folder / f"{name}.py"
    path.write_text(source)
    return f"{path}:build"


def supervise(place: Workplace, study: Study) -> Supervisor:
    """Let one supervised worker do all there is to do."""
    with Supervisor(place.store, study, workers=1, threads=1) as watching:
        poll(lambda: not watching.watch(), waiting_for="the end of the study")
    assert watching.failures == []
    return watching


def test_supervised(place: Workplace, uninterrupted: dict[int, Any]):
    """A supervisor replaces a killed worker, and nobody waits for the dead one's lease."""
    study = place.study("supervised", budget=1, overrides=OVERRIDES, lease=600.0)
    with Supervisor(place.store, study, workers=1, threads=1) as watching:
        poll(lambda: watching.watch() and reached(place, study, 5)())
        (process,) = watching._running()
        process.kill()
        poll(lambda: not watching.watch(), waiting_for="the end of the study")
    assert (watching.restarts, watching.failures) == (1, [])
    assert_same_curve(place, study, uninterrupted, 0)
    assert [a.ended_as for a in attempts(place.store, study)] == ["lost", "complete"]


@pytest.mark.usefixtures("eager_looks")
def test_hung(place: Workplace):
    """A worker whose user code does not come back is noticed, killed and replaced."""
    space = own_space(place, "hangs", HANGS_ONCE)
    study = place.study(
        "hung", budget=2, space=space, overrides=SHORT, stall_timeout=8.0, lease=3.0
    )
    assert supervise(place, study).restarts == 1
    assert [t.state for t in trials.list_trials(place.store, study)] == ["complete"] * 2
    assert [(a.number, a.ended_as) for a in attempts(place.store, study)] == [
        (0, "lost"),
        (0, "complete"),
        (1, "complete"),
    ]


@pytest.mark.usefixtures("eager_looks")
def test_healthy(place: Workplace):
    """Nobody is killed or lost: not over trials shorter than a renewal, nor over a slow model.

    The first model takes two leases to build, and longer than a trial may do nothing; the other
    trials take longer than a lease together, however fast the machine is.
    """
    space = own_space(place, "slow", SLOW_ONCE.format(seconds=8.0))
    study = place.study(
        "healthy", budget=45, space=space, overrides=SHORT, stall_timeout=3.0, lease=4.0
    )
    assert supervise(place, study).restarts == 0
    ended = attempts(place.store, study)
    assert [a.ended_as for a in ended] == ["complete"] * 45
    assert ended[-1].ended_at - ended[1].started_at > study.lease_seconds


def test_beats_without_a_trial(place: Workplace):
    """A heartbeat does not wait for the renewal of a lease, which short trials never reach.

    A worker at a paused study has no lease at all: in the store and here it still shows life.
    """
    study = place.study("paused", budget=1, overrides=SHORT, lease=0.6)
    study_states.pause(place.store, study)
    worker = place.worker(study)
    first = poll(lambda: workers.list_workers(place.store, study))[0].seen_at
    touched = worker.output.stat().st_mtime
    poll(lambda: workers.list_workers(place.store, study)[0].seen_at > first)
    poll(lambda: worker.output.stat().st_mtime > touched)
    study_states.stop(place.store, study)
    assert worker.wait() == 0, worker
    assert attempts(place.store, study) == []


def test_orphaned(place: Workplace):
    """A worker that hangs in a user's code ends soon after its supervisor was killed."""
    space = own_space(place, "orphan", HANGS_ONCE)
    study = place.study("orphaned", budget=1, space=space, overrides=SHORT, lease=600.0)
    supervisor = place.nursery.start(
        "tests.support.orphans:supervise", place.url, study.name, output=place.folder / "orphan"
    )
    pid = int(poll(lambda: supervisor.said.partition("\n")[0]))
    poll((place.folder / "orphan.hung").exists)
    os.kill(pid, signal.SIGTERM)  # by itself this is not heard
    supervisor.send(signal.SIGKILL)
    poll(lambda: not alive(pid), waiting_for="the end of an orphan")
    assert "the process is ended" in supervisor.said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's death")
def test_orphaned_while_no_thread_can_run(place: Workplace):
    """A worker whose user code holds the interpreter's lock for ever ends, too."""
    holds = HANGS_ONCE.replace("threading.Event().wait()", "ctypes.PyDLL(None).sleep(10_000)")
    space = own_space(place, "locked", holds.replace("import threading", "import ctypes"))
    study = place.study("locked", budget=1, space=space, overrides=SHORT, lease=600.0)
    supervisor = place.nursery.start(
        "tests.support.orphans:supervise",
        place.url,
        study.name,
        True,
        output=place.folder / "locked",
    )
    pid = int(poll(lambda: supervisor.said.partition("\n")[0]))
    poll((place.folder / "locked.hung").exists)
    supervisor.send(signal.SIGKILL)
    poll(lambda: not alive(pid), waiting_for="the end of an orphan")


def alive(pid: int) -> bool:
    """Whether there is such a process; one that is dead but not waited for is not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_outgrown(place: Workplace):
    """A worker that holds too much memory is replaced between two trials, which lose nothing."""
    space = own_space(place, "grows", GROWS_ONCE)
    study = place.study("outgrown", budget=2, space=space, overrides=SHORT, lease=600.0)
    assert supervise(place, study).restarts == 0, "it did not die: it asked to be replaced"
    first, second = attempts(place.store, study)
    assert (first.ended_as, second.ended_as) == ("complete", "complete")
    assert first.worker_id != second.worker_id
