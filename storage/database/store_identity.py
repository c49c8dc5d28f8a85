"""Finds the origin of a study's folder, from its marker, and of an open store."""

from __future__ import annotations

import socket
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage.database import schema
from storage.database.engine import Store
from storage.database.origin import FILE, Origin, read
from storage.files import containment

MARKER = "study.txt"
LONGEST_MARKER = 10_000  # bytes that are read of a marker

# Identify a database within its server; PostgreSQL's by its oid, because its name can change.
SERVERS = {
    "postgresql": "SELECT 'postgresql:' || oid FROM pg_database WHERE datname = current_database()",
    "mysql": "SELECT concat('mysql:', @@hostname, ':', @@port, '/', database())",
}
# PostgreSQL's identifier of the server tells it from one that was restored from a dump of it. Not
# every hosted service lets users read it.
MAY_READ_CLUSTER = "SELECT has_function_privilege('pg_control_system()', 'execute')"
CLUSTER = "SELECT system_identifier FROM pg_control_system()"


def of_folder(filesystem: Any, folder: str) -> Origin | None:
    """The store that the marker in a study's folder names; None if there is no readable marker.

    Args:
        filesystem: An fsspec file system.
        folder: Path of the study's folder.

    Raises:
        OSError: The file system does not answer.
    """
    try:
        marker = containment.file(filesystem, folder, f"{folder}/{MARKER}")
        content: bytes = filesystem.cat_file(marker, start=0, end=LONGEST_MARKER)
    except (FileNotFoundError, containment.OutsideFolder):
        return None
    return read(content.decode(errors="replace"))


def of_store(store: Store, c: Connection) -> Origin | None:
    """Identifies an open store, with one query at the first time; None if it has no UUID."""
    if store.origin is None:
        uuid = c.execute(sa.select(schema.store.c.uuid)).scalar()
        if uuid is not None:
            store.origin = Origin(store=uuid, place=_place(store, c), host=_host(store))
    return store.origin


def _host(store: Store) -> str:
    return socket.gethostname() if store.dialect == "sqlite" else ""


def _place(store: Store, c: Connection) -> str:
    if store.dialect == "sqlite":
        return f"{FILE}{store.url.database}"
    place = str(c.execute(sa.text(SERVERS[store.dialect])).scalar_one())
    if store.dialect == "postgresql" and c.execute(sa.text(MAY_READ_CLUSTER)).scalar_one():
        place += f"@{c.execute(sa.text(CLUSTER)).scalar_one()}"
    return place
