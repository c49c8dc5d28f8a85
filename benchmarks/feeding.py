"""How rows that lie in a file get into training: mapped as here, or by a ``tf.data`` pipeline.

    python -m benchmarks.feeding

The same steps of the same small model, in turns, in one graph call: rows gathered from the mapped
file, rows gathered from memory, rows of a pipeline that fetches ahead beside the training. Prints
rows a second and their ratio to the mapped ones. The file is in the page cache all the time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from tuner import training
from tuner.datasets.prepared_data import Part
from tuner.training.row_tensors import tensors

COLUMNS, BATCH = 784, 128


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--smoke", action="store_true", help="a round of two steps")
    options = parser.parse_args(words)
    if options.smoke:
        options.rows, options.steps, options.rounds = 300, 2, 1
    rows = options.steps * BATCH
    training.use_device(threads=1)
    with tempfile.TemporaryDirectory(prefix="feeding-") as name:
        path = written(Path(name), options.rows)
        ways = {"mapped": mapped(path), "in memory": in_memory(path), "tf.data": pipeline(path)}
        times: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(options.rounds + 1):
            order = np.random.default_rng(number).permutation(options.rows)[:rows]
            for name, run in ways.items():
                began = time.perf_counter()
                run(order.astype(np.int32))
                if number:  # the first round is traced
                    times[name].append(time.perf_counter() - began)
    speeds = {name: rows / statistics.median(spent) for name, spent in times.items()}
    for name, speed in speeds.items():
        print(f"{name:10} {speed:10,.0f} rows a second  {speed / speeds['mapped']:5.2f} of mapped")


def written(folder: Path, rows: int) -> Path:
    path = folder / "x.npy"
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, COLUMNS))
    generator = np.random.default_rng(0)
    for start in range(0, rows, 10_000):
        array[start : start + 10_000] = generator.normal(size=(min(10_000, rows - start), COLUMNS))
    array.flush()
    return path


def step_of_a_model() -> Callable[[tf.Tensor], None]:
    model = keras.Sequential(
        [keras.Input((COLUMNS,)), keras.layers.Dense(32), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse", jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    model._symbolic_build(data_batch=(tf.zeros([2, COLUMNS]), tf.zeros([2, 1])))
    return lambda x: model.train_step((x, x[:, :1]))


def gathering(x: tf.Tensor) -> Callable[[np.ndarray], None]:
    train = step_of_a_model()

    @tf.function(autograph=False)
    def steps(order: tf.Tensor) -> tf.Tensor:
        def body(i: tf.Tensor) -> list[tf.Tensor]:
            train(tf.gather(x, order[i * BATCH : (i + 1) * BATCH]))
            return [i + 1]

        steps = tf.size(order) // BATCH
        return tf.while_loop(lambda i: i < steps, body, [tf.constant(0)])[0]

    return lambda order: int(steps(tf.constant(order)))


def mapped(path: Path) -> Callable[[np.ndarray], None]:
    array = np.load(path, mmap_mode="c")
    return gathering(tensors(Part(x=array, y=array[:, 0].copy()))[0])


def in_memory(path: Path) -> Callable[[np.ndarray], None]:
    return gathering(tf.constant(np.load(path)))


def pipeline(path: Path) -> Callable[[np.ndarray], None]:
    array, train = np.load(path, mmap_mode="r"), step_of_a_model()

    def fetch(rows: tf.Tensor) -> tf.Tensor:
        x = tf.numpy_function(lambda rows: np.asarray(array[rows]), [rows], tf.float32)
        return tf.ensure_shape(x, [BATCH, COLUMNS])

    @tf.function(autograph=False)
    def steps(batches: tf.data.Iterator, count: tf.Tensor) -> tf.Tensor:
        def body(i: tf.Tensor) -> list[tf.Tensor]:
            train(batches.get_next())
            return [i + 1]

        return tf.while_loop(lambda i: i < count, body, [tf.constant(0)])[0]

    def run(order: np.ndarray) -> None:
        rows = tf.data.Dataset.from_tensor_slices(order.reshape(-1, BATCH))
        batches = iter(rows.map(fetch, num_parallel_calls=2).prefetch(8))
        int(steps(batches, tf.constant(len(order) // BATCH)))

    return run


if __name__ == "__main__":
    main()
