"""All that must survive for a training to go on as if nothing had happened."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

SCALARS = "scalars"


@dataclass(frozen=True, kw_only=True)
class TrainingState:
    """A trial after a finished epoch.

    Attributes:
        epoch: Finished epochs.
        arrays: Variables by name: of the model with its seed generators, of the optimizer with
            its step count and learning rate, of the best epoch.
        scalars: JSON-able: the best epoch with its metrics, and what callbacks remember.
    """

    epoch: int
    arrays: dict[str, NDArray[Any]]
    scalars: dict[str, Any]
    extension: ClassVar[str] = ".npz"  # of the name of its file

    def group(self, name: str) -> list[NDArray[Any]]:
        """The arrays ``name/0``, ``name/1``, ... in order."""
        count = sum(key.startswith(f"{name}/") for key in self.arrays)
        return [self.arrays[f"{name}/{i}"] for i in range(count)]

    def save(self, file: IO[bytes]) -> None:
        """Writes the state in NumPy's format, without pickle."""
        text = json.dumps({"epoch": self.epoch, **self.scalars})
        arrays: dict[str, Any] = {SCALARS: np.array(text), **self.arrays}
        np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> TrainingState:
        """The opposite of ``save``.

        Raises:
            ValueError: The file is no such state.
            OSError: It cannot be read.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            scalars = json.loads(str(arrays.pop(SCALARS)))
            return cls(epoch=scalars.pop("epoch"), arrays=arrays, scalars=scalars)
        except (KeyError, zipfile.BadZipFile) as e:
            raise ValueError(f"Expected a training state. Received: {path}.") from e
