"""How many workers a machine gets, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tuner.errors import UserError
from tuner.resources.cores_and_gpus import cores, visible_gpus

MOST_WORKERS = 4  # by default; more processes cost memory and start slowly
AUTO: Literal["auto"] = "auto"

Count = int | Literal["auto"] | None


@dataclass(frozen=True, kw_only=True)
class WorkerPlan:
    """The workers asked for.

    Attributes:
        workers: Processes; ``"auto"`` as many as get most done; None the default.
        threads: CPU threads of each; None shares the cores.
        per_gpu: How many may share a GPU.
    """

    workers: Count = None
    threads: int | None = None
    per_gpu: int = 1

    @property
    def on_gpus(self) -> int:
        """How many workers the GPUs here have room for; 0 where there is no GPU."""
        return len(visible_gpus()) * self.per_gpu

    @property
    def count(self) -> int | None:
        """Processes to be started; None where that has to be measured."""
        if isinstance(self.workers, int):
            return self.workers
        if self.on_gpus:
            return self.on_gpus
        return min(cores(), MOST_WORKERS) if self.workers is None else None

    def check(self) -> None:
        """Refuses what is no number, and more workers than the GPUs here have room for.

        Raises:
            UserError: It is so.
        """
        whole = isinstance(self.workers, int) and self.workers >= 0
        if not whole and self.workers not in (None, AUTO):
            raise UserError(
                f"Expected a number of workers from 0 on, or {AUTO!r}. Received: {self.workers!r}."
            )
        if isinstance(self.workers, int) and 0 < self.on_gpus < self.workers:
            gpus = len(visible_gpus())
            needed = -(-self.workers // gpus)
            raise UserError(
                f"Expected at most {self.on_gpus} worker{'s' * (self.on_gpus > 1)} on {gpus} "
                f"GPU{'s' * (gpus > 1)} with {self.per_gpu} on each. Received: {self.workers}: "
                f"start fewer, or let them share with --workers-per-gpu {needed}."
            )
