"""What this process prints, read back so that it can be kept with the trial at hand."""

from __future__ import annotations

from pathlib import Path


class OutputCapture:
    """The file that a worker's standard output and error go to.

    Args:
        path: Of that file; None where they go to a terminal, and nothing is kept.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._position = self._end()

    def skip(self) -> None:
        """Passes over what was printed so far."""
        self._position = self._end()

    def take(self) -> str:
        """What was printed since the last call."""
        if self._path is None:
            return ""
        with self._path.open("rb") as file:
            file.seek(self._position)
            text = file.read()
        self._position += len(text)
        return text.decode(errors="replace")

    def _end(self) -> int:
        return self._path.stat().st_size if self._path is not None else 0
