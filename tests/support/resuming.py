"""Trainings that are cut short by a real SIGKILL and go on in another process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces import Phase, catalog
from search_spaces.phases import attach
from tuner import datasets, training
from tuner.datasets import DataSpec
from tuner.training import Directive, TrainingState, keras_epochs

SEED = 11
NETWORK = {
    "layers": 2,
    "units_0": 24,
    "units_1": 16,
    "activation": "relu",
    "dropout": 0.3,
    "normalization": "before",
    "penalty": 1e-3,
}
Snapshot = Callable[[], TrainingState]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A training.

    Attributes:
        stop_after: The epoch after which its state is saved.
        killed: The process that saved it is killed; otherwise it trains to the end, too.
        at_once: It is killed right after that epoch, not in the middle of the next one.
        metrics: Further ones; some keep a model from the shared program.
        phases: Arguments of the phases that it has.
        stock: Let the graph of many steps refuse the model, so that stock ``fit`` trains it.
    """

    hyperparameters: Mapping[str, Any]
    stop_after: int = 3
    killed: bool = False
    at_once: bool = False
    epoch_patience: int | None = None
    metrics: tuple[str, ...] = ()
    precision: str = "float32"
    phases: tuple[dict[str, Any], ...] = ()
    stock: bool = False


@dataclass(kw_only=True)
class Watch:
    """An observer that remembers every epoch."""

    curve: list[dict[str, float]] = field(default_factory=list)

    def epoch_end(self, epoch: int, metrics: Mapping[str, float], snapshot: Snapshot) -> Directive:
        self.curve.append({"epoch": epoch, **metrics})
        return Directive.CONTINUE

    def poll(self) -> Directive:
        return Directive.CONTINUE


@dataclass(kw_only=True)
class Keeper(Watch):
    """Keeps the state after an epoch, and ends there."""

    stop_after: int
    state: TrainingState | None = None

    def epoch_end(self, epoch: int, metrics: Mapping[str, float], snapshot: Snapshot) -> Directive:
        super().epoch_end(epoch, metrics, snapshot)
        if epoch < self.stop_after:
            return Directive.CONTINUE
        self.state = snapshot()
        return Directive.INTERRUPT


@dataclass(kw_only=True)
class Saver(Watch):
    """Saves the state after an epoch."""

    case: Case
    state: Path

    def epoch_end(self, epoch: int, metrics: Mapping[str, float], snapshot: Snapshot) -> Directive:
        if epoch == self.case.stop_after:
            with self.state.open("wb") as file:
                snapshot().save(file)
        return super().epoch_end(epoch, metrics, snapshot)


@dataclass(kw_only=True)
class Assassin(Saver):
    """Saves the state after an epoch, and kills its own process then or in the next."""

    def epoch_end(self, epoch: int, metrics: Mapping[str, float], snapshot: Snapshot) -> Directive:
        answer = super().epoch_end(epoch, metrics, snapshot)
        if epoch == self.case.stop_after and self.case.at_once:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def poll(self) -> Directive:
        if self.curve and self.curve[-1]["epoch"] == self.case.stop_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().poll()


def train(case: Case, observer: Watch, resume: TrainingState | None = None) -> dict[str, Any]:
    """Train a case; what there is to compare, and the best epoch's weights."""
    data = datasets.load(DataSpec(source="digits"))
    if case.stock:
        keras_epochs.GraphEpochs._run_steps = _refuse  # type: ignore[method-assign]
    with training.seeded(SEED), training.precision(case.precision):
        model = catalog.load("mlp").build(case.hyperparameters, data.inputs, data.outputs)
    attach(model, tuple(Phase(**phase) for phase in case.phases))
    result = training.train(
        model,
        case.hyperparameters,
        data,
        seed=SEED,
        observer=observer,
        metrics=case.metrics,
        epoch_patience=case.epoch_patience,
        resume=resume,
    )
    return {
        "curve": observer.curve,
        "best_epoch": result.best_epoch,
        "best_value": result.best_value,
        "path": result.path,
        "weights": [np.asarray(weight).tolist() for weight in model.get_weights()],
    }


def _refuse(*_: object) -> Any:
    raise TypeError("not in a graph")


def train_whole(cases: list[dict[str, Any]], folder: str) -> None:
    """Train each case from its start to its end; save the state of those that are not killed."""
    training.use_device(threads=1)
    for number, case in enumerate(Case(**case) for case in cases):
        saver = Saver(case=case, state=state_file(folder, number))
        watch = Watch() if case.killed else saver
        _write(Path(folder) / f"{number}-whole.json", train(case, watch))


def state_file(folder: str | Path, number: int) -> Path:
    """Where the state of a case is saved."""
    return Path(folder) / f"{number}-state.npz"


def train_first_part(case: dict[str, Any], state: str) -> None:
    """Train a case until the process kills itself."""
    training.use_device(threads=1)
    train(Case(**case), Assassin(case=Case(**case), state=Path(state)))


def train_rest(cases: list[dict[str, Any]], folder: str) -> None:
    """Go on with each case from the state that a dead process left."""
    training.use_device(threads=1)
    for number, case in enumerate(cases):
        state = TrainingState.load(state_file(folder, number))
        _write(Path(folder) / f"{number}-rest.json", train(Case(**case), Watch(), resume=state))


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document))
