"""How much room a study's files take, for people."""

from __future__ import annotations

from collections.abc import Mapping

from storage.errors import StoreError
from storage.files.artifacts import Artifacts, Usage
from storage.studies import Study

UNITS = ("B", "kB", "MB", "GB", "TB")
THOUSAND = 1000.0


def disk_usage(study: Study) -> dict[str, Usage] | None:
    """A study's files by kind; None where they cannot be seen from here."""
    try:
        return Artifacts(study.spec["artifacts"], study).usage()
    except (OSError, StoreError):
        return None


def format_usage(usage: Mapping[str, Usage] | None) -> str:
    """``12.3 MB (checkpoints 0.3 MB in 2 files, models 12.0 MB in 3 files)``."""
    if usage is None:
        return "cannot be seen from here"
    whole = format_size(sum(kind.size for kind in usage.values()))
    parts = ", ".join(
        f"{name} {format_size(kind.size)} in {kind.files} file{'' if kind.files == 1 else 's'}"
        for name, kind in sorted(usage.items())
    )
    return f"{whole} ({parts})" if parts else whole


def format_size(count: float) -> str:
    """Bytes as ``12.3 MB``."""
    unit = 0
    while count >= THOUSAND and unit + 1 < len(UNITS):
        count, unit = count / THOUSAND, unit + 1
    return f"{count:.0f} B" if unit == 0 else f"{count:.1f} {UNITS[unit]}"
