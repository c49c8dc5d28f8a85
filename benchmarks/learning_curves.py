"""Learning curves of random networks, as our own training makes them, stored as a small table.

    python -m benchmarks.learning_curves --trials 150 --out benchmarks/learning_curves.npz

For each data set it runs a study of `mlp` whose points are drawn at random, of so many epochs each
and without pruning, and keeps the validation loss of every epoch: an array `NAME` of shape (trials,
epochs), NaN after a loss that is not finite. The starting points of the space are left out, for
they are not random. `benchmarks.schedulers` replays them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from search_spaces import catalog
from storage import trials
from tuner.datasets import DataSpec
from tuner.study_setup import create_study
from tuner.study_setup.launch_request import LaunchRequest
from tuner.workers.supervisor import Supervisor

TABLE = Path(__file__).with_name("learning_curves.npz")
SETS = ("digits", "breast-cancer", "diabetes", "spiral")
EPOCHS = 27
POLL = 0.1  # seconds


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--smoke", action="store_true", help="two trials of two epochs on one set")
    options = parser.parse_args(words)
    sets = options.sets.split(",")
    if options.smoke:
        sets, options.trials, options.epochs = ["digits"], 2, 2
    tables = {}
    for name in sets:
        began = time.monotonic()
        tables[name] = curves(name, options.trials, options.epochs, seed=options.seed)
        seconds = time.monotonic() - began
        finite = np.isfinite(tables[name]).all(axis=1).sum()
        print(f"{name}: {len(tables[name])} curves, {finite} finite, {seconds:.0f} s", flush=True)
        if options.out is not None:
            np.savez_compressed(options.out, **tables)


def curves(name: str, count: int, epochs: int, *, seed: int = 0) -> np.ndarray:
    """The validation losses of random trials, shape (count, epochs)."""
    planned = len(catalog.load("mlp").starting_points())
    request = LaunchRequest(
        space="mlp",
        data=DataSpec(source=name),
        overrides=(f"epochs={epochs}",),
        trials=planned + count,
        sampler="random",
        pruner="none",
        seed=seed,
        keep=1,
    )
    with tempfile.TemporaryDirectory() as folder:
        store, study, _ = create_study.create_study(f"sqlite:///{folder}/store.db", request)
        with Supervisor(store, study, workers=1, threads=1) as supervisor:
            while supervisor.watch():
                time.sleep(POLL)
        assert not supervisor.failures, supervisor.failures
        table = np.full((count, epochs), np.nan, dtype=np.float32)
        for trial in trials.list_trials(store, study)[planned:]:
            for point in trials.curve(store, trial.trial_id):
                table[trial.number - planned, int(point["epoch"]) - 1] = point["val_loss"]
        store.close()
    return table


if __name__ == "__main__":
    main()
