"""Scarce things: a disk that is full at once, a control group with little memory. For root only."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.servers import Unavailable

GROUPS = Path("/sys/fs/cgroup")
# Where control groups with a memory limit are made, and the name of that limit: version 1, 2.
MEMORY = ((GROUPS / "memory", "memory.limit_in_bytes"), (GROUPS, "memory.max"))


@contextmanager
def tiny_disk(folder: Path, *, size: str) -> Iterator[Path]:
    """A file system of its own that holds no more than ``size``.

    Raises:
        Unavailable: We may not mount one.
    """
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as e:
        raise Unavailable(f"expected to be allowed to mount a tmpfs: {e}") from e
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_up(file: Path) -> None:
    """Take all the room that is left on a file system."""
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))


@contextmanager
def little_memory(size: int) -> Iterator[Path]:
    """A control group whose members may take so many bytes; who writes its pid there joins.

    Raises:
        Unavailable: We may not make one.
    """
    for parent, limit in MEMORY:
        group = parent / f"test-{uuid.uuid4().hex[:8]}"
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit).exists() and os.access(group / limit, os.W_OK):
            (group / limit).write_text(str(size))
            try:
                yield group / "cgroup.procs"
            finally:
                group.rmdir()
            return
        group.rmdir()
    raise Unavailable("expected to be allowed to make a control group with a memory limit")
