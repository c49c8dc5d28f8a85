"""Training rows of a stream as models take them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.errors import DataError
from tuner.datasets.row_stream import Batch, StreamedRows
from tuner.datasets.scaling import Scaler
from tuner.datasets.task import Targets
from tuner.errors import shorten


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedStream:
    """Rows that are prepared as those of the stream's sample were.

    Attributes:
        streamed: The stream, looked through.
        targets: What is predicted.
        scaler: Of the features; None where they are not scaled.
        target_scaler: Of a regression's targets; None where they are not scaled.
        target_shape: Of a prepared target.

    Raises:
        DataError: There is a target for each pixel or step.
    """

    streamed: StreamedRows
    targets: Targets
    scaler: Scaler | None
    target_scaler: Scaler | None
    target_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.targets.axes:
            raise DataError(
                f"Expected one target for each row of {self.streamed.stream.source}, whose rows "
                f"are streamed. Received targets of shape {self.target_shape}: hold the rows with "
                "--no-stream, and return fewer if they do not fit."
            )

    @property
    def rows(self) -> int:
        """Rows of an epoch."""
        return self.streamed.rows

    def batches(self, seed: int, size: int) -> Generator[Batch, None, None]:
        """Yields the rows of one pass as ``Part`` has them.

        Args:
            seed: Of all random numbers, in [0, 2**32).
            size: Rows of a batch; the last one may have fewer.

        Raises:
            DataError: A target is none of the classes; see ``RowStream.batches``.
        """
        for x, y in self.streamed.stream.in_batches(seed, size):
            yield self._features(x), self._targets(y)

    def _features(self, x: NDArray[Any]) -> NDArray[Any]:
        return x.astype(np.float32) if self.scaler is None else self.scaler.transform(x)

    def _targets(self, y: NDArray[Any]) -> NDArray[Any]:
        y, classes = y.reshape(len(y), *self.target_shape), self.targets.classes
        if classes is not None:
            if not np.isin(y, classes).all():
                raise DataError(
                    f"Expected {self.streamed.stream.source} to stream targets among "
                    f"{shorten(', '.join(map(str, classes)))}. Received others."
                )
            return self.targets.encode(y)
        y = self.targets.encode(y)
        if self.target_scaler is not None:
            y = self.target_scaler.transform(y)
        return np.ascontiguousarray(y, np.float32)
