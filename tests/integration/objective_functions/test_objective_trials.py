"""An unchanged objective function of Optuna's is a trial of ours, on SQLite and PostgreSQL."""

from __future__ import annotations

import sys
import threading
import types
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState

from storage import studies, study_states, trial_writes, trials
from storage.database import schema
from storage.database.engine import Store, open_store
from storage.pruning import MedianRule
from tests.support.objectives import objective_study, work
from tests.support.polling import poll
from tuner.studies import garbage_collection
from tuner.studies.objective import Objective


def optuna_trials(store: Store, name: str = "study") -> list[optuna.trial.FrozenTrial]:
    """The trials as any program of Optuna's reads them."""
    return optuna.load_study(study_name=name, storage=store.optuna).trials


def test_everything_that_an_objective_asks_of_its_trial(store: Store, tmp_path: Path):
    """Conditions, loops, attributes, reports and the study's best are as Optuna has them."""
    study = objective_study(
        store,
        tmp_path,
        """
        import optuna

        def objective(trial):
            assert isinstance(trial, optuna.trial.Trial)
            kind = trial.suggest_categorical("kind", ["a", None, 3])
            rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
            grid = trial.suggest_float("grid", 0, 1, step=0.25)
            total = rate + grid
            for layer in range(trial.suggest_int("layers", 1, 3)):
                total += trial.suggest_int(f"units_{layer}", 16, 64, step=16) / 64
            if kind == "a":
                total += trial.suggest_float("only_a", 0, 1)
            assert trial.suggest_float("rate", 1e-5, 1e-1, log=True) == rate
            for step in range(0, 30, 10):
                trial.report(total - step / 100, step)
                assert not trial.should_prune()
            trial.set_user_attr("total", {"is": [total]})
            trial.set_user_attr("total", {"is": total})
            if trial.number:
                assert trial.study.best_value == trial.study.best_trial.value
                assert trial.study.best_trial.user_attrs["total"]["is"] == trial.study.best_value
                assert trial.study.user_attrs["seen"] == trial.number - 1
                assert len(trial.study.trials) == trial.number + 1
            trial.study.set_user_attr("seen", trial.number)
            return total
        """,
        budget=4,
    )
    work(store, study)
    for trial, record in zip(optuna_trials(store), trials.list_trials(store, study), strict=True):
        assert trial.state == TrialState.COMPLETE, record.failure
        assert trial.params == record.hyperparameters
        assert set(trial.params) == set(trial.distributions)
        assert ("only_a" in trial.params) == (trial.params["kind"] == "a")
        assert sum(name.startswith("units_") for name in trial.params) == trial.params["layers"]
        assert trial.value == record.value == trial.user_attrs["total"]["is"]
        reports = {step: trial.value - step / 100 for step in (0, 10, 20)}
        assert trial.intermediate_values == pytest.approx(reports)
        assert record.epoch == 3
        assert [row["step"] for row in trials.curve(store, record.trial_id)] == [0, 10, 20]


def test_endings_of_every_kind(store: Store, tmp_path: Path):
    """NaN, no number, an exception and a lack of memory are failures of their kinds."""
    study = objective_study(
        store,
        tmp_path,
        """
        import numpy as np
        import optuna

        def objective(trial):
            if trial.number == 1:
                raise ValueError("no such\\nthing")
            if trial.number == 2:
                trial.report(3.0, 0)
                trial.report(2.0, 1)
                raise optuna.TrialPruned
            if trial.number == 3:
                raise MemoryError("too much")
            if trial.number == 4:
                raise SystemExit(3)
            if trial.number == 8:
                raise optuna.TrialPruned("of these parameters nothing can be built")
            return [float("nan"), 0, 0, 0, 0, None, "2.5", np.array([1.0])][trial.number]
        """,
        budget=9,
    )
    work(store, study)
    records = trials.list_trials(store, study)
    kinds = [record.failure and record.failure.kind for record in records]
    expected = ["diverged", "error", None, "out_of_memory", "error", "error", None, None, None]
    assert kinds == expected
    pruned = {n: r.value for n, r in enumerate(records) if r.state == "pruned"}
    assert pruned == {2: 2.0, 8: None}
    assert records[1].failure is not None
    assert "ValueError: no such thing" in records[1].failure.message
    assert 'raise ValueError("no such' in (records[1].failure.traceback or "")
    assert records[5].failure is not None
    assert "Expected the objective to return a number. Received: None" in records[5].failure.message
    assert [record.value for record in records][6:8] == [2.5, 1.0]


def test_several_objectives(store: Store, tmp_path: Path):
    """As many values as objectives, each with its direction; another number is a failure."""
    study = objective_study(
        store,
        tmp_path,
        """
        def objective(trial):
            return (1.0, trial.number) if trial.number else 1.0
        """,
        budget=3,
        further=(Objective(name="size", maximize=True),),
    )
    work(store, study)
    assert [trial.values for trial in optuna_trials(store)] == [None, [1.0, 1.0], [1.0, 2.0]]
    assert [trial.number for trial in trials.front(store, study)] == [2]


def test_our_pruner_decides(store: Store, tmp_path: Path):
    """A trial that is worse than the others after so many reports is told to prune."""
    study = objective_study(
        store,
        tmp_path,
        """
        import optuna

        def objective(trial):
            for step in range(0, 5000, 1000):
                trial.report(trial.number + 1 / (1 + step), step)
                if trial.should_prune():
                    raise optuna.TrialPruned
            return trial.number
        """,
        budget=5,
        pruner=MedianRule(warmup=3, startup=2).to_dict(),
    )
    work(store, study)
    states = [record.state for record in trials.list_trials(store, study)]
    assert states == ["complete", "complete", "pruned", "pruned", "pruned"]
    assert {t.last_step for t in optuna_trials(store)[2:]} == {2000}


def test_an_interruption_passes_through_except_exception(store: Store, tmp_path: Path):
    """A paused study gets its trial back at the next report, though the code catches all errors."""
    study = objective_study(
        store,
        tmp_path,
        """
        def objective(trial):
            rate = trial.suggest_float("rate", 0, 1)
            step = 0
            while not trial.resumed:
                try:
                    trial.report(1.0, step)
                except Exception:
                    pass
                step += 1
                (trial.folder / "steps").write_text(str(step))
            return len((trial.folder / "steps").read_text()) / 100
        """,
        budget=1,
        lease=6.0,
    )
    stopping = threading.Event()
    timer = threading.Thread(target=lambda: pause_when_reported(store, study))
    timer.start()
    worker = threading.Thread(target=lambda: work(store, study, stopping=stopping))
    worker.start()
    timer.join()
    poll(lambda: state(store, study) == "waiting", waiting_for="the trial to be given back")
    (before,) = optuna_trials(store)
    assert before.state == TrialState.RUNNING
    study_states.resume(store, study)
    worker.join()
    (record,) = trials.list_trials(store, study)
    assert (record.state, record.attempt) == ("complete", 2), record.failure
    assert record.hyperparameters == before.params
    assert record.epoch == before.last_step + 1  # nothing was reported twice


def pause_when_reported(store: Store, study: studies.Study) -> None:
    """Pause a study once its trial has reported a few steps."""
    reported = lambda: any(t.epoch > 3 for t in trials.list_trials(store, study))  # noqa: E731
    poll(reported, waiting_for="a few reports")
    study_states.pause(store, study)


def state(store: Store, study: studies.Study) -> str:
    """Of the first trial."""
    return trials.list_trials(store, study)[0].state


def test_a_taken_over_trial_suggests_the_same(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Another worker gets the values and the reports of the first; the first one writes nothing."""
    seen: list[float] = []

    def between(trial) -> str:
        seen.append(trial.params["rate"])
        if len(seen) == 2:
            return "second"
        trial.should_prune()  # waits for its report
        with store.write() as c:  # as if this worker had been silent for too long
            c.execute(schema.leases.update().values(expires_at=0))
        work(store, study)
        return "first"

    helper = types.ModuleType("between_attempts")
    helper.between = between  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "between_attempts", helper)
    study = objective_study(
        store,
        tmp_path,
        """
        from between_attempts import between

        def objective(trial):
            rate = trial.suggest_float("rate", 0, 1)
            trial.report(2.0 if trial.token == 1 else 1.0, 0)
            worker = between(trial)
            try:
                trial.set_user_attr("by", worker)
            except Exception:
                pass
            trial.report(0.5, 1)
            return rate
        """,
        budget=1,
    )
    work(store, study)
    (record,) = trials.list_trials(store, study)
    (trial,) = optuna_trials(store)
    assert seen == [record.hyperparameters["rate"]] * 2
    assert (record.state, record.attempt) == ("complete", 2)
    assert trial.user_attrs == {"by": "second"}
    assert trial.intermediate_values == {0: 2.0, 1: 0.5}


def test_stop_ends_the_study(store: Store, tmp_path: Path):
    """The trial that calls it ends as it would, and no other one begins."""
    study = objective_study(
        store,
        tmp_path,
        """
        def objective(trial):
            if trial.number == 1:
                trial.study.stop()
            trial.report(1.0, 0)
            assert not trial.should_prune()
            return trial.number
        """,
        budget=9,
    )
    work(store, study)
    assert [record.state for record in trials.list_trials(store, study)] == ["complete"] * 2
    now = studies.refresh(store, study)
    assert (now.state, now.reason) == ("finished", "trial 1 called study.stop()")


def test_narrowed_by_overrides(store: Store, tmp_path: Path):
    """What is suggested lies within what --set says, fixed values too; a wrong one is a failure."""
    study = objective_study(
        store,
        tmp_path,
        """
        def objective(trial):
            trial.suggest_float("rate", 1e-5, 1.0, log=True)
            trial.suggest_int("units_0", 8, 512)
            trial.suggest_categorical("kind", ["a", "b", "c"])
            return trial.suggest_float("momentum", 0.0, 1.0)
        """,
        budget=10,
        overrides=("rate=0.001..0.01", "units=64", "kind=a,b", "momentum=0.9,0.99"),
    )
    work(store, study)
    for trial in optuna_trials(store):
        assert 0.001 <= trial.params["rate"] <= 0.01
        assert trial.params["units_0"] == 64
        assert trial.params["kind"] in ("a", "b")
        assert trial.params["momentum"] in (0.9, 0.99)


def test_an_override_of_nothing_is_told_in_the_log(store: Store, tmp_path: Path, caplog):
    """What a function suggests is known when it has: a worker says what narrowed nothing."""
    study = objective_study(
        store,
        tmp_path,
        "def objective(trial): return trial.suggest_float('rate', 0, 1)",
        budget=2,
        overrides=("rte=0.1",),
    )
    work(store, study)
    assert caplog.text.count("--set rte narrows nothing yet") == 1


def test_the_time_limit(store: Store, tmp_path: Path):
    """A trial beyond it ends with the best that it reported, and says so."""
    study = objective_study(
        store,
        tmp_path,
        """
        def objective(trial):
            step = 0
            while True:
                trial.report(5.0 - (step == 0), step)
                step += 1
        """,
        budget=1,
        trial_timeout=0.2,
    )
    work(store, study)
    (record,) = trials.list_trials(store, study)
    assert (record.state, record.value) == ("complete", 4.0)
    assert record.failure is not None
    assert record.failure.kind == "timeout"


def test_logged_files_are_kept(store: Store, tmp_path: Path):
    """What it logs can be read from the store's files; a newer one replaces an older one."""
    study = objective_study(
        store,
        tmp_path,
        """
        import tuner

        def objective(trial):
            assert tuner.current_trial() is trial
            assert (trial.threads, trial.gpus) == (1, ())
            for text in ("old", "new"):
                path = trial.folder / "notes.txt"
                path.write_text(text)
                trial.log_artifact(path)
            return 1.0
        """,
        budget=1,
    )
    work(store, study)
    (record,) = trials.list_trials(store, study)
    assert record.state == "complete", record.failure
    (file,) = trial_writes.files(store, study)[record.trial_id]
    assert file.name == "notes.txt"
    garbage_collection.sweep(store, study)
    assert Path(file.path).read_text() == "new"
    assert len(list((tmp_path / "artifacts" / study.uuid / "files").iterdir())) == 1
    assert not list((tmp_path / "artifacts" / study.uuid).glob("checkpoints/*"))


def test_a_store_that_is_away_for_a_moment_costs_no_trial(postgresql_url: str, tmp_path: Path):
    """Whatever the code asks just then: it waits for the answer, and its trial goes on."""
    store = open_store(postgresql_url)
    url = sa.make_url(postgresql_url).set(drivername="postgresql")
    server = url.set(database="postgres").render_as_string(hide_password=False)
    study = objective_study(
        store,
        tmp_path,
        f"""
        import threading, time
        import psycopg

        def away():
            for statement in (
                'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false',
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = '{url.database}'",
            ):
                server(statement)
            back = 'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true'
            threading.Timer(0.3, server, [back]).start()

        def server(statement):
            with psycopg.connect({server!r}, autocommit=True) as connection:
                connection.execute(statement)

        def objective(trial):
            asked = [
                lambda: trial.suggest_float("rate", 0, 1),
                lambda: trial.suggest_categorical("kind", ["a", "b"]),
                lambda: trial.report(1.0, 0),
                lambda: trial.should_prune(),
                lambda: trial.set_user_attr("note", 1),
                lambda: trial.study.user_attrs,
                lambda: trial.study.trials,
                lambda: trial.study.best_value if trial.number else None,
                lambda: trial.study.set_user_attr("seen", trial.number),
            ]
            for ask in asked:
                away()
                ask()
            return float(trial.number)
        """,
        budget=3,
    )
    work(store, study)
    records = trials.list_trials(store, study)
    assert [(r.state, r.value) for r in records] == [("complete", float(n)) for n in range(3)], [
        r.failure for r in records
    ]
    store.close()
