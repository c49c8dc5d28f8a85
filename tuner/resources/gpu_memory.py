"""Free memory of the GPU that this process trains on, as NVIDIA's driver tells it."""

from __future__ import annotations

import os
import subprocess

FIELDS = "index,uuid,name,mig.mode.current,memory.free"
UNIT = 1 << 20  # bytes that the driver counts in
PATIENCE = 20.0  # seconds for its answer


def free_gpu_memory() -> int | None:
    """Bytes that nobody has taken yet; None where nobody can tell.

    That is without ``nvidia-smi``, and of a GPU that is divided into instances (MIG). CUDA may
    number GPUs of several models otherwise than the driver: then the least of all is told.
    """
    try:
        answer = subprocess.run(
            ["nvidia-smi", f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    return read_free(answer, visible, in_order=os.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID")


def read_free(answer: str, visible: str, *, in_order: bool) -> int | None:
    """Reads the driver's table.

    Args:
        answer: A line for each GPU, of ``FIELDS`` with commas between.
        visible: Number or UUID of the GPU.
        in_order: Whether CUDA numbers GPUs as the driver does, whatever they are.

    Returns:
        Bytes that are free; None where the table does not say.
    """
    rows = [[field.strip() for field in line.split(",")] for line in answer.splitlines()]
    gpus = [row for row in rows if len(row) == len(FIELDS.split(","))]
    is_alike = in_order or len({name for _, _, name, _, _ in gpus}) == 1
    if visible.isdigit() and is_alike:
        gpus = [row for row in gpus if row[0] == visible]
    elif not visible.isdigit():
        gpus = [row for row in gpus if row[1].startswith(visible)]
    free = [UNIT * int(row[4]) if row[4].isdigit() and row[3] != "Enabled" else 0 for row in gpus]
    return min(free, default=0) or None
