"""Processes that a process has started, as Linux lists them."""

from __future__ import annotations

from pathlib import Path


def process_family(pid: int) -> list[int]:
    """A process and all that it has started, theirs included."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in process_family(int(child)))]
