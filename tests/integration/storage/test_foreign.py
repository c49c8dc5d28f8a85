"""Other programs in the same database: Optuna's own API, its dashboard, its stock storage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import optuna
import pytest
import sqlalchemy as sa
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from storage import claiming, leases, logs, lost_workers, overview, studies, trials, workers
from storage.database import schema
from storage.database.engine import Store
from storage.errors import LeaseLost, StudyGone
from storage.leases import Claim
from storage.pruning import MedianRule
from storage.studies import Study
from tests.support import stores
from tests.support.bulk_studies import fill
from tests.support.stores import claim, complete, counts, make, report

pytestmark = pytest.mark.mariadb

Delete = Callable[[Store, str], None]


def ours(store: Store, name: str) -> None:
    """Optuna's API on the storage that we open."""
    optuna.delete_study(study_name=name, storage=store.optuna)


def stock(store: Store, name: str) -> None:
    """Optuna as everybody has it: on SQLite without foreign keys, so that nothing cascades."""
    storage = RDBStorage(store.url.render_as_string(hide_password=False))
    optuna.delete_study(study_name=name, storage=storage)
    storage.remove_session()
    storage.engine.dispose()


@pytest.fixture(params=[ours, stock])
def delete(request: pytest.FixtureRequest) -> Delete:
    """Two ways to delete a study behind the workers' back."""
    chosen: Delete = request.param
    return chosen


def busy(store: Store, study: Study) -> Claim:
    """Leaves something in every table; returns a trial at work."""
    workers.enter(store, study, worker_id=f"ada of {study.name}", host="h", pid=1, device="gpu 0")
    stores.end(store, claim(store, study))
    held = claim(store, study)
    rule = MedianRule(startup=9)
    report(store, held, 1, 0.5, rule)
    logs.append(store, held, "a line\n")
    assert counts(store).keys() == {table.name for table in stores.TABLES}
    return held


def test_a_deleted_study_takes_no_more_writes(store: Store, delete: Delete):
    """Whatever a worker does next, it learns that it must stop, and nothing is left to inherit."""
    study = make(store)
    held = busy(store, study)
    delete(store, study.name)
    for write in (
        lambda: leases.renew(store, held),
        lambda: report(store, held, 2, 0.4),
        lambda: leases.give_back(store, held, seconds=1.0),
    ):
        with pytest.raises(LeaseLost):
            write()
    for write in (
        lambda: leases.finish(store, held, complete()),
        lambda: claiming.claim(store, study, "ada"),
        lambda: lost_workers.release_dead_worker(store, study, "ada"),
        lambda: overview.status(store, study),
        lambda: studies.delete(store, study),
    ):
        with pytest.raises(StudyGone):
            write()
    logs.append(store, held, "another line\n")  # dropped: a log is not worth an error
    workers.seen(store, "ada of study", busy_seconds=1.0)
    assert studies.list_studies(store) == []


def test_a_study_of_the_same_name_inherits_nothing(store: Store, delete: Delete):
    """Also where it gets the id of the deleted one, as on SQLite; its trials begin at 0."""
    old = make(store)
    held = busy(store, old)
    delete(store, old.name)
    study = make(store)
    assert counts(store) == {"tuner_studies": 1}
    first = claim(store, study)
    assert (first.number, first.token, first.epoch) == (0, 1, 0)
    assert logs.read(store, study) == []
    with pytest.raises(LeaseLost):
        leases.renew(store, held)
    with pytest.raises(StudyGone):
        leases.finish(store, held, complete())
    assert leases.renew(store, first) is leases.WorkerCommand.CONTINUE


def test_another_study_inherits_no_trials(store: Store, delete: Delete):
    """SQLite gives ids of deleted trials again, to whichever study makes the next ones."""
    study, doomed = make(store, "study", budget=9), make(store, "doomed")
    claim(store, study)
    busy(store, doomed)
    delete(store, doomed.name)
    for number in (1, 2, 3):
        held = claim(store, study, "bob")
        assert (held.number, held.token, held.epoch, held.checkpoints) == (number, 1, 0, ())
        assert trials.curve(store, held.trial_id) == []
    assert {entry.trial for entry in logs.read(store, study)} == set()


def test_a_foreign_study_in_place_of_ours_is_not_ours(store: Store, delete: Delete):
    """A study that Optuna makes under the same name has no rows of ours, so it is unknown."""
    study = make(store)
    held = busy(store, study)
    delete(store, study.name)
    optuna.create_study(study_name=study.name, storage=store.optuna).enqueue_trial({"x": 1})
    assert studies.find(store, study.name) is None
    assert studies.list_studies(store) == []
    with pytest.raises(LeaseLost):
        report(store, held, 2, 0.4)
    with pytest.raises(StudyGone):
        claiming.claim(store, study, "ada")


def test_an_enqueued_trial_is_adopted(store: Store):
    """A trial that waits in Optuna's queue is run next, inside the budget, with its parameters."""
    study = make(store, budget=2)
    foreign = optuna.load_study(study_name=study.name, storage=store.optuna)
    foreign.enqueue_trial({"x": 0.25})
    held = claim(store, study)
    assert held.number == 0
    trial = store.optuna.get_trial(held.trial_id)
    assert trial.state is TrialState.RUNNING
    assert trial.system_attrs["fixed_params"] == {"x": 0.25}
    assert [claim(store, study).number] == [1]
    assert isinstance(claiming.claim(store, study, "ada"), claiming.NoTrialYet)


def test_an_adopted_trial_is_not_popped_by_others(store: Store):
    """Whoever asks Optuna for the next trial gets another one."""
    study = make(store, budget=9)
    foreign = optuna.load_study(study_name=study.name, storage=store.optuna)
    foreign.enqueue_trial({"x": 0.25})
    held = claim(store, study)
    leases.give_back(store, held, seconds=0.0)
    assert foreign.ask().number == 1
    assert claim(store, study).number == 0


def test_a_trial_popped_by_others_is_not_adopted(store: Store):
    """A foreign worker runs it; we make a trial of our own."""
    study = make(store, budget=9)
    foreign = optuna.load_study(study_name=study.name, storage=store.optuna)
    foreign.enqueue_trial({"x": 0.25})
    assert foreign.ask().number == 0
    assert claim(store, study).number == 1


def test_foreign_trials_take_places_of_the_budget(store: Store):
    """Numbers are given once, whoever asks: what others made counts."""
    study = make(store, budget=2)
    foreign = optuna.load_study(study_name=study.name, storage=store.optuna)
    foreign.tell(foreign.ask(), 0.5)
    stores.end(store, claim(store, study))
    assert studies.refresh(store, study).reason == studies.BUDGET_USED


@pytest.fixture
def slow_enqueue(store: Store) -> Iterator[Callable[[int], sa.Connection]]:
    """Makes a trial as Optuna does, up to the moment before its commit."""
    opened: list[sa.Connection] = []

    def enqueue(study_id: int) -> sa.Connection:
        c = store.engine.connect()
        opened.append(c)
        optuna_study = schema.optuna_studies
        query = sa.select(optuna_study).where(optuna_study.c.study_id == study_id)
        c.execute(query.with_for_update()).one()
        row = {"number": 0, "study_id": study_id, "state": TrialState.RUNNING}
        c.execute(schema.optuna_trials.insert().values(**row))
        return c

    yield enqueue
    for c in opened:
        c.close()


def test_a_number_is_never_given_twice(store: Store, slow_enqueue: Callable[[int], sa.Connection]):
    """A claim waits for a trial that another program is making, and counts it."""
    study = make(store, budget=9)
    c = slow_enqueue(study.study_id)
    claimed: list[int] = []
    worker = threading.Thread(target=lambda: claimed.append(claim(store, study).number))
    worker.start()
    worker.join(0.5)  # not a wait for a result: a claim that does not wait is through by then
    c.commit()
    worker.join()
    assert claimed == [1]


@pytest.mark.parametrize("size", [20, 2_000])
def test_deleting_takes_few_statements(store: Store, size: int):
    """As many as there are tables, whatever the number of trials; neighbours keep their rows."""
    kept = make(store, "kept")
    held = busy(store, kept)
    before = counts(store)
    study = make(store, "large", budget=size)
    fill(store, study, finished=size)
    statements: list[str] = []
    sa.event.listen(
        store.engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    studies.delete(store, study)
    assert len(statements) < 30
    assert counts(store) == before
    assert report(store, held, 2, 0.4) is False
    assert {s.study_name for s in store.optuna.get_all_studies()} == {"kept"}
