"""Studies for benchmarks, and how fast real workers get through one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.sets import Set
from search_spaces import catalog
from storage import study_states, trial_actions, workers
from storage.database import schema
from storage.database.engine import Store, open_store
from storage.studies import Study
from tuner.datasets import DataSpec
from tuner.study_setup import create_study
from tuner.study_setup.launch_request import LaunchRequest
from tuner.workers.supervisor import Supervisor

POLL = 0.1  # seconds


def make_study(folder: Path, spec: DataSpec, epochs: int, *, budget: int) -> tuple[Store, Study]:
    """A study on a SQLite file of its own, of which no trial is pruned."""
    request = LaunchRequest(
        space="mlp", data=spec, overrides=(f"epochs={epochs}",), trials=budget, pruner="none"
    )
    place = folder / str(uuid.uuid4())
    place.mkdir()
    store, study, _ = create_study.create_study(f"sqlite:///{place / 'store.db'}", request)
    return store, study


def throughput(
    folder: Path,
    spec: DataSpec,
    epochs: int,
    sets: Sequence[Set],
    *,
    count: int,
    threads: int,
    rounds: int,
) -> dict[str, float]:
    """Trials an hour of real workers that are warm: while all of them work.

    Measured again if one of them had to be replaced.

    Returns:
        ``per_hour``; ``busy``, their mean share of the time inside training; ``start_up``,
        seconds from the start of the processes until all of them asked for work.
    """
    chosen = [one for _ in range(rounds) for one in sets]
    store, study = make_study(folder, spec, epochs, budget=len(chosen))
    space = catalog.load("mlp", (f"epochs={epochs}",))
    for one in chosen:
        trial_actions.enqueue(store, study, space.encode(one))
    study_states.pause(store, study)
    began = time.monotonic()
    with Supervisor(store, study, workers=count, threads=threads) as supervisor:
        while len(workers.list_workers(store, study)) < count:
            assert supervisor.watch(), supervisor.failures
            time.sleep(POLL)
        start_up = time.monotonic() - began
        study_states.resume(store, study)
        while supervisor.watch():
            time.sleep(POLL)
    measured = None if supervisor.restarts else _while_all_work(store, study)
    store.close()
    if measured is None:
        again = {"count": count, "threads": threads, "rounds": rounds}
        return throughput(folder, spec, epochs, sets, **again)
    return {**measured, "start_up": start_up}


def _while_all_work(store: Store, study: Study) -> dict[str, float]:
    attempt, trial = schema.attempts.c, schema.trials.c
    query = (
        sa.select(attempt.worker_id, attempt.started_at, attempt.ended_at, trial.seconds)
        .join(schema.trials, trial.trial_id == attempt.trial_id)
        .where(attempt.study_id == study.study_id)
    )
    with store.read() as c:
        rows = c.execute(query).all()
    mine: dict[str, list[Any]] = {}
    for row in rows:
        mine.setdefault(row.worker_id, []).append(row)
    first = max(min(r.started_at for r in own) for own in mine.values())
    last = min(max(r.ended_at for r in own) for own in mine.values())
    done = inside = 0.0
    for row in rows:
        overlap = min(row.ended_at, last) - max(row.started_at, first)
        share = max(0.0, overlap) / (row.ended_at - row.started_at)
        done, inside = done + share, inside + share * row.seconds
    return {
        "per_hour": 3600 * done / (last - first),
        "busy": inside / (last - first) / len(mine),
    }


def start_up(folder: Path, spec: DataSpec) -> dict[str, float]:
    """Seconds from ``tuner launch`` to the first epoch; and of TensorFlow with the data alone."""
    importing = (
        "import sys, tensorflow, keras\n"
        "from tuner import datasets\n"
        "datasets.load(datasets.DataSpec(source=sys.argv[1]))\n"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    began = time.time()
    subprocess.run([sys.executable, "-c", importing, spec.source], env=environment, check=True)
    alone = time.time() - began
    path = folder / f"{uuid.uuid4()}.db"
    place = f"sqlite:///{path}"
    command = ["launch", "mlp", "--data", spec.source, "--trials", "1", "--workers", "1"]
    command += ["--storage", place, "--set", "epochs=5", "--artifacts", f"{path}-artifacts"]
    began = time.time()
    subprocess.run(
        [sys.executable, "-m", "tuner", *command],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    ended = time.time()
    store = open_store(place)
    with store.read() as c:
        first = c.execute(sa.select(sa.func.min(schema.epochs.c.recorded_at))).scalar_one()
    store.close()
    return {"alone": alone, "first_epoch": first - began, "whole": ended - began}
