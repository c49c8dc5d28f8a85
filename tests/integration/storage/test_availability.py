"""Stores that cannot be reached for a while: one kind of error, whichever way is taken."""

from __future__ import annotations

import inspect
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from optuna.distributions import FloatDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from storage import (
    claiming,
    leases,
    logs,
    lost_workers,
    overview,
    reports,
    studies,
    study_states,
    trial_actions,
    trials,
    workers,
)
from storage.database.engine import READS, Store, open_store
from storage.errors import StoreUnreachable
from storage.leases import Claim
from storage.outcomes import Outcome
from storage.studies import Study
from storage.trials import Suggestion
from tests.conftest import refuse, serve
from tests.support.accounts import unprivileged
from tests.support.limits import fill_up, tiny_disk
from tests.support.postgresql import ACCOUNTS, PrivatePostgresql
from tests.support.servers import DatabaseServer, Unavailable
from tests.support.stores import NEVER, claim, make
from tests.support.trouble import make_read_only, terminate
from tuner.monitoring import study_notes
from tuner.monitoring.study_notes import Notes

Way = Callable[[Store, Study, Claim], object]
OURS: dict[str, Way] = {
    "claim": lambda store, study, _: claiming.claim(store, study, "eve"),
    "renew": lambda store, _, held: leases.renew(store, held),
    "report": lambda store, _, held: reports.write_report(
        store, held, epoch=1, value=0.5, metrics={}, rule=NEVER
    ),
    "begin": lambda store, _, held: trials.begin(
        store,
        held,
        Suggestion(hyperparameters={}, params={}, distributions={}, attributes={}, seed=1),
    ),
    "finish": lambda store, _, held: leases.finish(store, held, Outcome(state="failed")),
    "give back": lambda store, _, held: leases.give_back(store, held, seconds=1.0),
    "bury": lambda store, study, _: lost_workers.release_dead_worker(store, study, "ada"),
    "log": lambda store, _, held: logs.append(store, held, "said"),
    "enter": lambda store, study, _: workers.enter(
        store, study, worker_id="eve", host="h", pid=1, device="1 thread"
    ),
    "seen": lambda store, *_: workers.seen(store, "ada", busy_seconds=1.0),
    "leave": lambda store, *_: workers.leave(store, "ada", busy_seconds=1.0),
    "pause": lambda store, study, _: study_states.pause(store, study),
    "resume": lambda store, study, _: study_states.resume(store, study),
    "extend": lambda store, study, _: study_states.extend(store, study, by=1),
    "create": lambda store, *_: make(store, f"at {time.monotonic()}"),
    "delete": lambda store, study, _: studies.delete(store, study),
    "enqueue": lambda store, study, _: trial_actions.enqueue(store, study, {"x": 1}),
}
# What stands for each parameter of Optuna's storages.
ARGUMENTS: dict[str, Any] = {
    "study_id": 1,
    "trial_id": 1,
    "trial_number": 0,
    "study_name": "study",
    "directions": [StudyDirection.MINIMIZE],
    "key": "key",
    "value": 1,
    "param_name": "x",
    "param_value_internal": 0.5,
    "distribution": FloatDistribution(0, 1),
    "state": TrialState.COMPLETE,
    "step": 1,
    "intermediate_value": 0.5,
}
NO_DATABASE = {
    "remove_session",
    "check_trial_is_updatable",
    "get_heartbeat_interval",
    "get_heartbeat_stale_trial_callback",
    "get_failed_trial_callback",
}


def ways_of_optuna() -> list[str]:
    """Every public method of a storage of Optuna's that comes to the database."""
    found = inspect.getmembers(BaseStorage, inspect.isfunction)
    return [n for n, _ in found if not n.startswith("_") and n not in NO_DATABASE]


def take(store: Store, name: str) -> object:
    """Calls a method of Optuna's storage."""
    method = getattr(store.optuna, name)
    needed = [p.name for p in inspect.signature(method).parameters.values() if p.default is p.empty]
    return method(**{name: ARGUMENTS[name] for name in needed})


@pytest.fixture
def store(postgresql_url: str) -> Iterator[Store]:
    opened = open_store(postgresql_url)
    yield opened
    opened.close()


@pytest.fixture
def held(store: Store) -> Claim:
    study = noted(store)
    workers.enter(store, study, worker_id="ada", host="h", pid=1, device="1 thread")
    return claim(store, study)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Optuna waits at random before it tries again."""
    monkeypatch.setattr(random, "random", lambda: 0.0)


def noted(store: Store) -> Study:
    """A study whose note can be written."""
    spec = {"space": "mlp", "data": {"source": "digits"}}
    return studies.create(store, name="study", spec=spec, budget=30)


def test_read_only(store: Store, held: Claim):
    """Every write of ours and of Optuna's; what reads goes on; afterwards all is well."""
    make_read_only(store.url)
    for way in OURS.values():
        with pytest.raises(StoreUnreachable, match=r"^Expected a writable store at "):
            way(store, held.study, held)
    for name in set(ways_of_optuna()) - READS:
        with pytest.raises(StoreUnreachable):
            take(store, name)
    status = overview.status(store, held.study)
    assert status.trials.running == 1
    Notes(store, held.study).update(status, now=True)
    make_read_only(store.url, False)
    assert leases.renew(store, held) is leases.WorkerCommand.CONTINUE
    Notes(store, held.study).update(status, now=True)


@contextmanager
def terminated_before(store: Store, at: int) -> Iterator[list[int]]:
    """Ends the connections of a store just before one of its next statements or commits.

    Args:
        at: Which one, from 1.

    Yields:
        The number of statements and commits so far, in a list.
    """
    seen = [0]

    def tick(*_: object) -> None:
        seen[0] += 1
        if seen[0] == at:
            terminate(store.url)

    for name in ("before_cursor_execute", "commit"):
        sa.event.listen(store.engine, name, tick)
    try:
        yield seen
    finally:
        for name in ("before_cursor_execute", "commit"):
            sa.event.remove(store.engine, name, tick)


def write_note(store: Store, study: Study, _: Claim) -> None:
    study_notes._save(store, study, f"now {time.monotonic()}\n\n{study_notes.MARK}")


def test_terminated_at_any_statement(store: Store, held: Claim):
    """A connection that ends anywhere within a call is a store that is away; then all is well."""
    last = ("finish", "delete")  # after these there is nothing left to write to
    ways = {name: OURS[name] for name in OURS if name not in ("give back", "bury", *last)}
    for name, way in {**ways, "note": write_note, **{n: OURS[n] for n in last}}.items():
        for at in range(1, 100):
            with terminated_before(store, at) as seen:
                if seen_through(way, store, held):
                    break
        assert seen[0] < at > 1, f"{name}: {seen[0]} statements, ended before the {at}th"


def seen_through(way: Way, store: Store, held: Claim) -> bool:
    """Whether a call came to its end; else the store was away."""
    try:
        way(store, held.study, held)
    except StoreUnreachable:
        return False
    return True


def test_any_way_of_optunas(store: Store, held: Claim):
    """Optuna's own methods too, read or write, of a connection that ends under them."""
    for name in ways_of_optuna():
        with terminated_before(store, 1):
            try:
                take(store, name)
            except (
                StoreUnreachable,
                KeyError,
                ValueError,
            ):  # it may have had no use for our values
                continue


@pytest.mark.mariadb
def test_a_server_that_is_down(store_url: str, request: pytest.FixtureRequest):
    """Opening a store, and every way into one that is open."""
    if store_url.startswith("sqlite"):
        pytest.skip("SQLite has no server")
    kind = "mariadb" if store_url.startswith("mysql") else "postgresql"
    server: DatabaseServer = request.getfixturevalue(f"{kind}_server")
    with closing(open_store(store_url)) as opened:
        study = make(opened)
        held = claim(opened, study)
        server.stop(crash=True)
        try:
            for way in OURS.values():
                with pytest.raises(StoreUnreachable):
                    way(opened, study, held)
            for name in ways_of_optuna():
                with pytest.raises(StoreUnreachable):
                    take(opened, name)
            with pytest.raises(StoreUnreachable, match=r"^Expected the store at"):
                open_store(store_url)
        finally:
            server.start()
        assert leases.renew(opened, held) is leases.WorkerCommand.CONTINUE


def fill(store: Store, held: Claim) -> None:
    for _ in range(1000):
        logs.append(store, held, "x" * 10_000)


def test_a_full_disk(sqlite_url: str):
    """SQLite without room: writes wait, reads go on, and when there is room all is well."""
    with closing(open_store(sqlite_url)) as opened:
        study = noted(opened)
        held = claim(opened, study)
        room = ["PRAGMA max_page_count = 1"]  # it stays at what is used already

        @sa.event.listens_for(opened.engine, "begin")
        def limit(c: sa.Connection) -> None:
            c.exec_driver_sql(room[0])

        full = r"^Expected free disk space [^\n]+ Free some space on its disk\.$"
        with pytest.raises(StoreUnreachable, match=full):
            fill(opened, held)
        status = overview.status(opened, study)
        Notes(opened, study).update(status, now=True)
        room[0] = "PRAGMA max_page_count = 100000"
        logs.append(opened, held, "there is room again")
        assert logs.read(opened, study)[-1].text == "there is room again"


def test_a_full_disk_of_a_server(postgresql_server: DatabaseServer):
    """PostgreSQL without room for its tables says the same, and goes on when there is some."""
    if not isinstance(postgresql_server, PrivatePostgresql):
        refuse("a full disk of PostgreSQL is not tested: it is not ours", required=False)
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(tiny_disk(postgresql_server.folder / "disk", size="64m"))
        except Unavailable as e:
            refuse(f"a full disk of PostgreSQL is not tested: {e}", required=False)
        url = stack.enter_context(postgresql_server.database_on(disk))
        opened = stack.enter_context(closing(open_store(url)))
        held = claim(opened, make(opened))
        fill_up(disk / "filler")
        full = r"^Expected free disk space [^\n]+ Free some space on its disk\.$"
        with pytest.raises(StoreUnreachable, match=full) as told:
            fill(opened, held)
        assert len(str(told.value)) <= 300
        (disk / "filler").unlink()
        logs.append(opened, held, "there is room again")
        assert logs.read(opened, held.study)[-1].text == "there is room again"


class FewConnections(PrivatePostgresql):
    """A server that takes four clients."""

    def command(self) -> list[str]:
        few = ("-c", "max_connections=4", "-c", "superuser_reserved_connections=0")
        return [*super().command(), *few, "-c", "max_wal_senders=0"]


@pytest.fixture(scope="module")
def small_server() -> Iterator[DatabaseServer]:
    def start() -> FewConnections:
        try:
            return FewConnections(unprivileged(*ACCOUNTS))
        except LookupError as e:
            raise Unavailable(str(e)) from e

    yield from serve("PostgreSQL", start, required=False)


def test_all_connections_are_taken(small_server: DatabaseServer):
    """The message names what is full and what helps, not an address that is right."""
    with small_server.database() as url, ExitStack() as stack:
        opened = stack.enter_context(closing(open_store(url)))
        study = make(opened)
        opened.engine.dispose()
        engine = sa.create_engine(opened.url, poolclass=sa.NullPool)
        taken = [stack.enter_context(engine.connect()) for _ in range(4)]
        full = (
            r"^Expected a free connection to the store at [^\n]+ too many clients already\. "
            r"Raise max_connections of the server, or put PgBouncer in front of it\.$"
        )
        with pytest.raises(StoreUnreachable, match=full) as told:
            open_store(url)
        assert len(str(told.value)) <= 300
        with pytest.raises(StoreUnreachable, match=full):
            studies.refresh(opened, study)
        for c in taken:
            c.close()
        assert studies.refresh(opened, study) == study
