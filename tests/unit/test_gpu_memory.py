"""What NVIDIA's driver says of memory, from answers as it gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.resources.gpu_memory import free_gpu_memory, read_free

ALIKE = """\
0, GPU-aaaa-1, NVIDIA A100-SXM4-40GB, Disabled, 40000
1, GPU-bbbb-2, NVIDIA A100-SXM4-40GB, Disabled, 1000
"""
MIXED = """\
0, GPU-aaaa-1, NVIDIA GeForce GTX 1650, [N/A], 3000
1, GPU-bbbb-2, NVIDIA GeForce RTX 4090, [N/A], 20000
"""
DIVIDED = "0, GPU-aaaa-1, NVIDIA A100-SXM4-40GB, Enabled, 39000\n"
MIB = 1 << 20


@pytest.mark.parametrize(
    ("answer", "visible", "in_order", "free"),
    [
        (ALIKE, "0", False, 40000 * MIB),
        (ALIKE, "1", False, 1000 * MIB),
        (ALIKE, "GPU-bbbb", False, 1000 * MIB),
        (MIXED, "1", True, 20000 * MIB),
        (MIXED, "1", False, 3000 * MIB),  # CUDA may call the other one so
        (MIXED, "GPU-bbbb-2", False, 20000 * MIB),
        (DIVIDED, "0", False, None),
        (ALIKE, "MIG-cccc", False, None),
        (ALIKE, "7", False, None),
        ("0, GPU-a, Tesla, [N/A], [Not Supported]\n", "0", False, None),
        ("No devices were found\n", "0", False, None),
        ("", "0", False, None),
    ],
)
def test_free_memory_is_that_of_the_gpu_in_use(
    answer: str, visible: str, in_order: bool, free: int | None
):
    """The least where it may be one of several, and None where nothing is certain."""
    assert read_free(answer, visible, in_order=in_order) == free


def test_without_a_driver_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As on a machine without GPUs, or where the driver's command fails."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert free_gpu_memory() is None
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\nexit 9\n")
    command.chmod(0o755)
    assert free_gpu_memory() is None
    command.write_text(f"#!/bin/sh\n/bin/cat <<E\n{ALIKE}E\n")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert free_gpu_memory() == 1000 * MIB
