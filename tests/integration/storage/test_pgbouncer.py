"""A store behind PgBouncer, which gives each transaction another connection."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from storage import claiming, leases, studies, trials
from storage.database.engine import open_store
from storage.leases import Claim
from storage.studies import Study
from tests.conftest import refuse
from tests.support.accounts import private_folder, unprivileged
from tests.support.polling import PATIENCE, poll
from tests.support.postgresql import ACCOUNTS
from tests.support.servers import free_port
from tests.support.stores import complete, make, report

CLIENTS, TRIALS = 4, 20
SETTINGS = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
"""


@pytest.fixture
def bounced_url(postgresql_url: str) -> Iterator[str]:
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        refuse("PgBouncer is not tested: it is not installed", required=False)
    identity, port = unprivileged(*ACCOUNTS), free_port()
    folder, url = private_folder("pgbouncer-", identity), sa.make_url(postgresql_url)
    (folder / "users").write_text(f'"{url.username}" ""\n')
    (folder / "ini").write_text(SETTINGS.format(server=url.port, port=port, folder=folder))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, str(folder / "ini")], cwd=folder, stdout=log, stderr=log, **identity
        )
    bounced = url.set(port=port).render_as_string(hide_password=False)
    try:
        poll(lambda: process.poll() is not None or _answers(bounced))
        assert process.poll() is None, (folder / "log").read_text()
        yield bounced
    finally:
        process.terminate()
        process.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(url: str) -> bool:
    try:
        with sa.create_engine(url, poolclass=sa.NullPool).connect():
            return True
    except sa.exc.DBAPIError:
        return False


def _work(url: str, study: Study, name: str) -> None:
    with closing(open_store(url, create=False)) as store:
        while isinstance(held := claiming.claim(store, study, name), Claim):
            for epoch in range(1, 4):
                report(store, held, epoch, 1 / epoch)
            leases.finish(store, held, complete())


def test_workers_share_its_connections(bounced_url: str):
    """No statement hangs on the connection of the one before: every trial ends once."""
    with closing(open_store(bounced_url)) as store:
        study = make(store, budget=TRIALS)
        workers = [
            threading.Thread(target=_work, args=(bounced_url, study, f"worker {n}"))
            for n in range(CLIENTS)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        states = [t.state for t in trials.list_trials(store, study)]
        assert states == ["complete"] * TRIALS
        assert studies.refresh(store, study).state == "finished"
