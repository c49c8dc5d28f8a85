"""Which store made a study's folder, so that nobody removes the files of another store.

The marker file in a folder names its store by two facts: the UUID in the store itself, and the
store's location. The UUID alone is not enough: a SQLite file can be copied together with its UUID.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from storage.database import schema

FORMAT = 2  # of markers; format 1 was the study's name alone
FILE = "sqlite:"  # prefix of ``place`` for a SQLite file


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Identifies a store: the content of a marker.

    Attributes:
        store: The store's UUID.
        place: Its location: ``sqlite:`` with a path, or an identifier that the server gives.
        host: Name of the machine that has the file; empty for a server.
    """

    store: str
    place: str
    host: str = ""

    def write(self, study: str) -> str:
        """Returns the text of a marker for a study of this name."""
        return json.dumps({"format": FORMAT, "study": study, **asdict(self)}) + "\n"

    def made(self, marker: Origin | None) -> bool:
        """Whether a folder with this marker certainly belongs to this store: it may be removed."""
        return marker is not None and marker.host == self.host and self._is(marker)

    def may_have_made(self, marker: Origin | None) -> bool:
        """Whether nothing speaks against this store as the owner of a folder with this marker.

        To be asked for the folder of a study that is in this store. Hosts are not compared: a
        container gets a new host name at each start.
        """
        return marker is None or self._is(marker)

    def is_anothers(self, marker: Origin | None) -> bool:
        """Whether a folder with this marker certainly belongs to another store.

        Its UUID is another one, or this store is a copy and the original still exists.
        """
        if marker is None:
            return False
        return marker.store != self.store or (
            marker.place != self.place and self._holds_this(marker) is True
        )

    def _is(self, marker: Origin) -> bool:
        if marker.store != self.store:
            return False
        # At another place the store may have been moved (nothing is left there) or copied.
        return marker.place == self.place or self._holds_this(marker) is False

    def _holds_this(self, marker: Origin) -> bool | None:
        """Whether the SQLite file that a marker names holds this store; None if unknown."""
        if not self.host or marker.host != self.host or not marker.place.startswith(FILE):
            return None
        file = Path(marker.place.removeprefix(FILE))
        if not file.exists():
            return False
        uuid = _uuid_of_file(file)
        return None if uuid is None else uuid == self.store


def read(text: str) -> Origin | None:
    """Parses the text of a marker; None if it is damaged or of another format."""
    try:
        marker = json.loads(text)
        if marker["format"] != FORMAT:
            return None
        fields = {name: marker[name] for name in ("store", "place", "host")}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Origin(**fields) if all(isinstance(value, str) for value in fields.values()) else None


def _uuid_of_file(path: Path) -> str | None:
    """The UUID of the store in a SQLite file; None if it cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as c:
            row = c.execute(f"SELECT uuid FROM {schema.store.name}").fetchone()
    except (sqlite3.Error, ValueError):
        return None
    return None if row is None else str(row[0])
