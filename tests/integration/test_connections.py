"""What every connection to a server is given, so that silence on either side ends."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from storage.database.connection import IDLE_TIMEOUT
from storage.database.engine import Store

QUESTIONS = {
    "postgresql": "SHOW idle_in_transaction_session_timeout",
    "mysql": "SELECT concat(@@idle_transaction_timeout, 's')",
}


@pytest.mark.mariadb
def test_a_worker_that_falls_silent_holds_no_lock_for_long(store: Store):
    """The server gives up who is stopped within a transaction; SQLite has no server."""
    if store.dialect == "sqlite":
        pytest.skip("SQLite has no server")
    with store.read() as c:
        assert c.execute(sa.text(QUESTIONS[store.dialect])).scalar() == f"{IDLE_TIMEOUT}s"
