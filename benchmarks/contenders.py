"""One process of a benchmark: trains the sets that it is told, one after another.

Started by the benchmark; commands come as JSON lines on standard input, and each is answered by
a line with what it took.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.sets import MIXED, Set, data_spec, widths
from search_spaces import catalog
from search_spaces.space import SearchSpace
from tuner import datasets
from tuner.datasets import Data
from tuner.resources import memory


class Contender(Protocol):
    """Trains sets, in a process of its own."""

    def train(self, chosen: Set) -> dict[str, Any]:
        """Runs one trial; returns what it wants to say of it."""
        ...


class Stock:
    """A loop over ``model.fit``, as an expert writes it in an hour."""

    def __init__(self, data: Data, folder: Path, epochs: int) -> None:
        self._data, self._epochs = data, epochs
        self._space: SearchSpace = catalog.load("mlp")

    def train(self, chosen: Set) -> dict[str, Any]:
        import keras

        keras.backend.clear_session()
        history = self._fit(self._compiled(chosen), chosen)
        return {"value": min(history.history["val_loss"])}

    def _compiled(self, chosen: Set) -> Any:
        from tuner.training.compilation import compile_model

        model = self._space.build(chosen, self._data.inputs, self._data.outputs)
        compile_model(model, chosen, self._data.outputs)
        return model

    def _fit(self, model: Any, chosen: Set, **options: Any) -> Any:
        train, validation = self._data.train, self._data.validation
        return model.fit(
            train.x,
            train.y,
            batch_size=chosen["batch_size"],
            epochs=self._epochs,
            validation_data=(validation.x, validation.y),
            verbose=0,
            **options,
        )


class Optuna(Stock):
    """Optuna's usual objective: a SQLite store, and the pruning callback (which never prunes)."""

    def __init__(self, data: Data, folder: Path, epochs: int) -> None:
        import optuna

        super().__init__(data, folder, epochs)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(
            storage=f"sqlite:///{folder / f'optuna-{uuid.uuid4()}.db'}",
            pruner=optuna.pruners.NopPruner(),
            sampler=optuna.samplers.TPESampler(seed=0),
        )

    def train(self, chosen: Set) -> dict[str, Any]:
        self._study.enqueue_trial(chosen)
        self._study.optimize(lambda trial: self._objective(trial, chosen), n_trials=1)
        return {"value": self._study.trials[-1].value}

    def _objective(self, trial: Any, chosen: Set) -> float:
        import keras
        from optuna_integration import KerasPruningCallback

        keras.backend.clear_session()
        for name, value in chosen.items():
            _suggest(trial, name, value)
        callbacks = [KerasPruningCallback(trial, "val_loss")]
        history = self._fit(self._compiled(chosen), chosen, callbacks=callbacks)
        return float(min(history.history["val_loss"]))


CATEGORIES = {
    "activation": ["relu", "tanh", "elu", "gelu", "silu"],
    "optimizer": ["adam", "sgd", "rmsprop"],
    "normalization": ["none", "before", "after"],
    "schedule": ["constant", "cosine"],
    "nesterov": [False, True],
}


def _suggest(trial: Any, name: str, value: Any) -> None:
    if name in CATEGORIES:
        trial.suggest_categorical(name, CATEGORIES[name])
    elif isinstance(value, int):
        trial.suggest_int(name, 1, 512)
    else:
        trial.suggest_float(name, 0.0, 1.0)


class KerasTuner(Stock):
    """KerasTuner, told by an oracle of ours which set comes next."""

    def __init__(self, data: Data, folder: Path, epochs: int) -> None:
        import keras_tuner

        super().__init__(data, folder, epochs)
        compiled, sets = self._compiled, []

        class Model(keras_tuner.HyperModel):  # type: ignore[misc]
            def build(self, hp: Any) -> Any:
                hp.Int("set", 0, 100_000)
                return compiled((sets or MIXED)[-1])  # once before the first trial

            def fit(self, hp: Any, model: Any, *args: Any, **options: Any) -> Any:
                return model.fit(*args, batch_size=sets[-1]["batch_size"], **options)

        class Next(keras_tuner.Oracle):  # type: ignore[misc]
            def populate_space(self, trial_id: str) -> dict[str, Any]:
                return {"status": "RUNNING", "values": {"set": len(sets)}}

        self._sets = sets
        self._oracle = Next(keras_tuner.Objective("val_loss", "min"), max_trials=0)
        self._tuner = keras_tuner.Tuner(
            self._oracle,
            Model(),
            directory=str(folder),
            project_name=str(uuid.uuid4()),
        )

    def train(self, chosen: Set) -> dict[str, Any]:
        self._sets.append(chosen)
        self._oracle.max_trials += 1
        part = self._data.validation
        self._tuner.search(
            self._data.train.x,
            self._data.train.y,
            epochs=self._epochs,
            validation_data=(part.x, part.y),
            verbose=0,
        )
        return {"value": self._oracle.get_best_trials(1)[0].score}


class Floor:
    """The matrix products of a trial, forward and backward, in one TensorFlow loop."""

    def __init__(self, data: Data, folder: Path, epochs: int) -> None:
        self._data, self._epochs = data, epochs

    def train(self, chosen: Set) -> dict[str, Any]:
        import tensorflow as tf

        products = tf.function(_products, autograph=False)
        x = tf.constant(self._data.train.x.reshape(len(self._data.train), -1))
        scored = tf.constant(self._data.validation.x.reshape(len(self._data.validation), -1))
        sizes = [int(x.shape[1]), *widths(chosen), self._data.outputs.units]
        random = np.random.default_rng(0)
        weights = [
            tf.constant(random.normal(size=pair, scale=0.01).astype(np.float32))
            for pair in itertools.pairwise(sizes)
        ]
        batch = tf.constant(chosen["batch_size"])
        float(products(x[:2], scored[:2], weights, batch))  # traced here
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(self._epochs):
            float(products(x, scored, weights, batch))
        return {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu}


def _products(x: Any, scored: Any, weights: Any, batch: Any) -> Any:
    import tensorflow as tf

    rows = tf.shape(x)[0]

    def body(start: Any, total: Any) -> list[Any]:
        values = [x[start : start + batch]]
        for weight in weights:
            values.append(tf.matmul(values[-1], weight))
        gradient = values.pop()
        for i in reversed(range(len(weights))):
            total += tf.matmul(values[i], gradient, transpose_a=True)[0, 0]
            if i:
                gradient = tf.matmul(gradient, weights[i], transpose_b=True)
        return [start + batch, total]

    total = tf.while_loop(lambda start, _: start < rows, body, [0, 0.0])[1]
    for weight in weights:
        scored = tf.matmul(scored, weight)
    return total + scored[0, 0]


class Project:
    """This project: a worker's own code from claim to end, on a study in a SQLite store."""

    def __init__(self, data: Data, folder: Path, epochs: int, spec: datasets.DataSpec) -> None:
        from benchmarks.studies import make_study
        from tuner.resources.device import Device
        from tuner.workers.worker import Worker

        self._store, self._study = make_study(folder, spec, epochs, budget=100_000)
        self._space = catalog.load("mlp", (f"epochs={epochs}",))
        self._clock = _StoreClock(self._store.engine)
        outer = self

        class Driven(Worker):
            def _work(self, runner: Any) -> None:
                outer._runner = runner

        self._worker = Driven(
            self._store,
            self._study,
            worker_id=str(uuid.uuid4()),
            device=Device(threads=1),
        )
        self._worker.run()

    def train(self, chosen: Set) -> dict[str, Any]:
        from storage import trial_actions
        from storage.leases import Claim

        trial_actions.enqueue(self._store, self._study, self._space.encode(chosen))
        effort = self._runner.context.training_time.seconds
        self._clock.reset()
        began, cpu = time.perf_counter(), time.process_time()
        claim = self._worker._claim(self._runner)
        assert isinstance(claim, Claim)
        self._worker._run(self._runner, claim)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        return {
            "wall": wall,
            "cpu": cpu,
            "training": self._runner.context.training_time.seconds - effort,
            "store": self._clock.waited,
            "store_beside": self._clock.beside,
        }

    def forget(self) -> None:
        """Drops all traces, as in a new process."""
        from tuner.training.shared_graph import traced_graph

        traced_graph._cache.clear()


class _StoreClock:
    """Time that statements and commits took, on the thread that trains and beside it."""

    def __init__(self, engine: Any) -> None:
        import sqlalchemy as sa

        self._main, self._began = threading.get_ident(), threading.local()
        self.reset()
        sa.event.listen(engine, "before_cursor_execute", self._begin)
        sa.event.listen(engine, "after_cursor_execute", self._end)
        # What follows is not told when it ends: a commit's own time is measured around it.
        commit = engine.dialect.do_commit

        def timed(connection: Any) -> None:
            self._begin()
            commit(connection)
            self._end()

        engine.dialect.do_commit = timed

    def reset(self) -> None:
        self.waited = self.beside = 0.0

    def _begin(self, *_: Any) -> None:
        self._began.at = time.perf_counter()

    def _end(self, *_: Any) -> None:
        took = time.perf_counter() - self._began.at
        if threading.get_ident() == self._main:
            self.waited += took
        else:
            self.beside += took


class Epochs:
    """Epochs of this project's training alone: the shortest one of a trial, in seconds."""

    def __init__(self, data: Data, folder: Path, epochs: int) -> None:
        self._data, self._epochs = data, epochs
        self._space = catalog.load("mlp")

    def train(self, chosen: Set) -> dict[str, Any]:
        from tuner.training import Directive, train

        model = self._space.build(chosen, self._data.inputs, self._data.outputs)
        ends = [time.perf_counter()]

        class Observer:
            def epoch_end(self, *_: Any) -> Directive:
                ends.append(time.perf_counter())
                return Directive.CONTINUE

            def poll(self) -> Directive:
                return Directive.CONTINUE

        chosen = {**chosen, "epochs": self._epochs}
        train(model, chosen, self._data, seed=0, observer=Observer())
        return {"epoch": float(np.median(np.diff(ends)[2:]))}


KINDS: dict[str, Any] = {
    "stock": Stock,
    "optuna": Optuna,
    "keras-tuner": KerasTuner,
    "project": Project,
    "floor": Floor,
    "epochs": Epochs,
}


def main() -> None:
    """The process's entry: ``contenders KIND DATA FOLDER EPOCHS THREADS``."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes elsewhere
    kind, source, folder, epochs, threads = sys.argv[1:]
    spec = data_spec(source, Path(folder))
    data = datasets.load(spec)
    from tuner import training

    training.use_device(threads=int(threads))
    more = (spec,) if kind == "project" else ()
    contender = KINDS[kind](data, Path(folder), int(epochs), *more)
    _say(answers, {"ready": True})
    for command in _commands():
        if command["do"] == "forget":
            contender.forget()
            _say(answers, {})
            continue
        began, cpu = time.perf_counter(), time.process_time()
        told = contender.train(command["set"])
        took = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu}
        _say(answers, {**took, **told, **_memory()})


def _memory() -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"resident": (memory.resident() or 0) / 1e6, "peak": peak / 1e6}


def _commands() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def _say(answers: Any, answer: dict[str, Any]) -> None:
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
