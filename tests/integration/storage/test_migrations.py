"""Tables: as the program describes them, of one version, refused in one line if of another."""

from __future__ import annotations

import optuna
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage import logs, studies, trials
from storage.database import connection, migrate, schema
from storage.database.engine import Store, open_store, upgrade
from storage.errors import StoreError, StoreUnreachable
from storage.optuna import tables
from tests.support import stores
from tests.support.stores import claim, make, report

pytestmark = pytest.mark.mariadb


def address(store: Store) -> str:
    return store.url.render_as_string(hide_password=False)


def set_revision(store: Store, revision: str) -> None:
    with store.write() as c:
        table = sa.table(migrate.VERSION_TABLE, sa.column("version_num"))
        c.execute(table.update().values(version_num=revision))


def is_ours(name: str | None, kind: str, _: object) -> bool:
    return kind != "table" or name in schema.metadata.tables


def test_migrations_make_what_the_program_expects(store: Store):
    """Every table, column, type, key and index of `schema.py`, and no other."""
    with store.read() as c:
        options = {"version_table": migrate.VERSION_TABLE, "include_name": is_ours}
        context = MigrationContext.configure(c, opts=options)
        assert compare_metadata(context, schema.metadata) == []


def test_opening_twice_changes_nothing(store: Store):
    """Tables and studies stay as they are."""
    study = make(store)
    again = open_store(address(store))
    try:
        assert studies.list_studies(again) == [study]
    finally:
        again.close()


@pytest.mark.parametrize("create", [True, False])
def test_tables_of_a_newer_version_are_refused(store: Store, create: bool):
    """One line says that this program is too old; upgrading the tables is refused too."""
    set_revision(store, "9999")
    newer = r"^Expected tables of revision \d+ or older\. Received 9999[^\n]+update this program\.$"
    with pytest.raises(StoreError, match=newer):
        open_store(address(store), create=create)
    with pytest.raises(StoreError, match=newer):
        upgrade(address(store))


@pytest.mark.parametrize("create", [True, False])
def test_tables_of_an_older_version_are_refused(store: Store, create: bool):
    """One line names the command that upgrades them; nothing is upgraded behind workers' backs."""
    set_revision(store, "0001")
    with pytest.raises(StoreError, match=r"^Expected [^\n]+Received 0001[^\n]+tuner migrate$"):
        open_store(address(store), create=create)


def first_schema(url: str) -> None:
    """Makes a database as the first version of the program did."""
    engine = sa.create_engine(url, **connection.options(sa.make_url(url)))
    connection.listen(engine, making=True)
    with engine.begin() as c:
        tables.create_tables(c)
        config = migrate._alembic_config()
        config.attributes["connection"] = c
        command.upgrade(config, "0001")
    engine.dispose()


def first_study(url: str) -> None:
    """Writes a study with one trial that waits for a worker, as the first version did."""
    uuid = "0b1c"
    rows: list[tuple[str, dict[str, object]]] = [
        ("studies", {"study_name": "old"}),  # the database gives both ids, 1
        ("study_directions", {"study_id": 1, "objective": 0, "direction": "MINIMIZE"}),
        ("study_user_attributes", {"study_id": 1, "key": "tuner_uuid", "value_json": f'"{uuid}"'}),
        (
            "tuner_studies",
            {
                "study_id": 1,
                "uuid": uuid,
                "spec": '{"space": "mlp"}',
                "state": "running",
                "budget": 2,
                "lease_seconds": 30.0,
                "created_at": 1.0,
            },
        ),
        ("trials", {"number": 0, "study_id": 1, "state": "RUNNING"}),
        (
            "tuner_trials",
            {
                "trial_id": 1,
                "study_id": 1,
                "hyperparameters": '{"units": 64}',
                "model": "/models/a.keras",
            },
        ),
        (
            "tuner_leases",
            {"trial_id": 1, "study_id": 1, "state": "waiting", "token": 3, "losses": 0, "epoch": 2},
        ),
    ]
    engine = sa.create_engine(url)
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.begin() as c:
        for table, row in rows:
            c.execute(tables.tables[table].insert().values(**row))
    engine.dispose()


def test_a_database_of_the_first_version_is_upgraded(store_url: str):
    """Its studies, leases and reports are all there afterwards, and work goes on."""
    url = store_url.replace("postgresql://", "postgresql+psycopg://")
    first_schema(url)
    first_study(url)
    with pytest.raises(StoreError, match="tuner migrate"):
        open_store(url)
    assert upgrade(url) == ("0001", migrate.head())
    assert upgrade(url) == (migrate.head(), migrate.head())
    store = open_store(url)
    try:
        (study,) = studies.list_studies(store)
        assert (study.name, study.spec, study.budget) == ("old", {"space": "mlp"}, 2)
        (trial,) = trials.list_trials(store, study)
        assert (trial.model, trial.model_sha256) == ("/models/a.keras", None)
        assert study.origin is not None
        assert len(study.origin.store) == 36
        held = claim(store, study)
        assert (held.number, held.token, held.epoch) == (0, 4, 2)
        assert held.hyperparameters == {"units": 64}
        report(store, held, 3, 0.5)
        logs.append(store, held, "a line of the new version\n")
        stores.end(store, claim(store, study))
        assert [trial.number for trial in trials.list_trials(store, study)] == [0, 1]
    finally:
        store.close()


def test_an_empty_database_holds_no_studies(store_url: str):
    """Who only reads makes no tables: one line says what is missing."""
    with pytest.raises(StoreError, match=r"^Expected a store that holds studies\. [^\n]+$"):
        open_store(store_url, create=False)
    with pytest.raises(StoreError, match=r"^Expected a store that holds studies\. [^\n]+$"):
        upgrade(store_url)


def test_a_database_of_optuna_alone_becomes_a_store(store_url: str):
    """Its studies stay; ours stand beside them."""
    url = store_url.replace("postgresql://", "postgresql+psycopg://")
    optuna.create_study(study_name="theirs", storage=url)
    store = open_store(url)
    try:
        make(store)
        names = {study.study_name for study in store.optuna.get_all_studies()}
        assert names == {"theirs", "study"}
        assert [study.name for study in studies.list_studies(store)] == ["study"]
    finally:
        store.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret@127.0.0.1:9/database",
        "mysql://user:secret@127.0.0.1:9/database",
    ],
)
def test_a_server_that_does_not_answer_is_named_without_its_password(url: str):
    """One line, which says where it was looked for."""
    with pytest.raises(StoreUnreachable, match=r"^Expected the store at [^\n]+$") as refused:
        open_store(url)
    assert "127.0.0.1:9" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_newest_migration_is_known_by_its_name():
    """As Alembic finds it, which imports them all."""
    script = ScriptDirectory.from_config(migrate._alembic_config())
    assert migrate.head() == script.get_current_head()


def test_tables_of_another_version_of_optuna(store: Store):
    """They are used where nothing of them has changed since, and else refused in one line."""

    def made_by(version: str, revision: str) -> None:
        with store.write() as c:
            c.execute(sa.text("UPDATE version_info SET library_version = :v"), {"v": version})
            c.execute(sa.text("UPDATE alembic_version SET version_num = :r"), {"r": revision})

    with store.read() as c:
        assert tables.library_version(c) == optuna.__version__
        revision = c.scalar(sa.text("SELECT version_num FROM alembic_version"))
    made_by("4.9.0", revision)
    open_store(address(store)).close()
    made_by("4.9.0", "v2.6.0.a")
    with pytest.raises(StoreError, match=r"^[^\n]+set up by optuna 4\.9\.0[^\n]+$"):
        open_store(address(store))
