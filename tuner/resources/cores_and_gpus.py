"""This machine: its cores and GPUs, and a process's share of them. Quick to import."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from storage.files import scratch


def output_file() -> Any:
    """A file for a worker to print to, which is gone when it is closed.

    Those of killed supervisors are known by their prefix.
    """
    file = tempfile.NamedTemporaryFile(prefix=f"{scratch.PREFIX}worker-")  # noqa: SIM115
    scratch.mark_used(file.fileno())
    return file


def shares(workers: int, threads: int | None) -> list[tuple[int, str | None]]:
    """CPU threads and GPU of each worker; None as threads shares the machine's cores."""
    each = threads or max(1, cores() // max(1, workers))
    gpus = visible_gpus() or [None]
    return [(each, gpus[i % len(gpus)]) for i in range(workers)]


def environment(*, threads: int, gpu: str | None = None) -> dict[str, str]:
    """The variables of a process that has a share of the machine."""
    defaults = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}
    fixed = {"CUDA_VISIBLE_DEVICES": gpu or "-1", "OMP_NUM_THREADS": str(threads)}
    return {**defaults, **os.environ, **fixed}


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus() -> list[str | None]:
    """Names of the NVIDIA GPUs that may be used, as ``CUDA_VISIBLE_DEVICES`` takes them.

    Found without loading a library; the environment may narrow them.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    folder = Path("/proc/driver/nvidia/gpus")
    return [str(i) for i in range(len(list(folder.iterdir())))] if folder.is_dir() else []
