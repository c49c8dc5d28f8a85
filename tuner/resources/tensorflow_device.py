"""A process's share of the machine. To be called before anything else of TensorFlow."""

from __future__ import annotations

import tensorflow as tf


def use_device(*, threads: int) -> None:
    """Limits TensorFlow's CPU threads, and lets GPU memory grow instead of taking all of it.

    Args:
        threads: For the parts of one operation; operations run one after another, which is
            what a training step of a small model is.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


def has_gpu() -> bool:
    """Whether this process trains on a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def optimize_graphs(on: bool) -> None:
    """Whether TensorFlow rewrites each graph before its first call, for the graphs called next.

    On a CPU that takes longer than the whole rest of a small trial's first call, and gains
    nothing where a graph holds no more than it needs.
    """
    rewrites = on or has_gpu()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not rewrites})
