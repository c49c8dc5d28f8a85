"""Studies that are really trained, and the processes that train them."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from search_spaces.user_code import source_files
from storage import studies, trials
from storage.database import schema
from storage.database import url as urls
from storage.database.engine import Store, open_store
from storage.files.artifacts import Artifacts
from storage.pruning import NoPruning
from storage.studies import Study
from storage.trials import TrialRecord
from tests.support.fork_server import Child, Nursery
from tuner import datasets
from tuner.datasets import DataSpec
from tuner.studies.loading import code_names, space_and_data
from tuner.studies.study_spec import StudySpec
from tuner.workers.exit_codes import URL_VARIABLE

# An epoch takes some tens of milliseconds: long enough to be interrupted, short enough for tests.
STEADY = (
    "optimizer=adam",
    "beta_1=0.9",
    "beta_2=0.999",
    "learning_rate=0.001",
    "schedule=constant",
    "layers=2",
    "units=256",
    "dropout=0.2",
    "normalization=before",
    "activation=relu",
    "penalty=0.0001",
    "batch_size=16",
)

# Words of `launch` by which trials of `mlp` share one graph, where what they are does not matter.
ONE_GRAPH = (
    *("--set", "optimizer=adam", "--set", "schedule=constant", "--set", "activation=relu"),
    *("--set", "layers=1", "--set", "normalization=none"),
)


@dataclass(frozen=True)
class Workplace:
    """A store, a folder for artifacts, and a nursery that workers come from."""

    url: str
    store: Store
    folder: Path
    nursery: Nursery

    def study(
        self,
        name: str,
        *,
        budget: int,
        overrides: Sequence[str] = STEADY,
        space: str = "mlp",
        lease: float = 2.0,
        artifacts: Path | None = None,
        data: DataSpec | None = None,
        **spec: Any,
    ) -> Study:
        """Make a study as ``launch`` does, without its rehearsal.

        Args:
            lease: Seconds.
            data: In place of digits.
            spec: Further fields of ``StudySpec``.
        """
        loaded, data = space_and_data(space, overrides, (), data or DataSpec(source="digits"))
        defaults: dict[str, Any] = {
            "sampler": "random",
            "checkpoint_interval": 0.1,
            "keep": 1,
        }
        definition = StudySpec(
            space=space,
            overrides=tuple(overrides),
            space_fingerprint=loaded.fingerprint(),
            code_fingerprint=source_files.fingerprint(
                code_names((), spec.get("callbacks", ()), data)
            ),
            data=data,
            data_fingerprint=datasets.load(data).fingerprint,
            pruner=NoPruning().to_dict(),
            artifacts=str(artifacts or self.folder / "artifacts"),
        )
        definition = dataclasses.replace(definition, **{**defaults, **spec})
        made = studies.create(
            self.store, name=name, spec=definition.to_dict(), budget=budget, lease_seconds=lease
        )
        Artifacts(definition.artifacts, made).mark()
        return made

    def worker(self, study: Study, *, host: str = "", url: str = "") -> Child:
        """Start a worker with one thread; its output says what it does.

        Args:
            host: Where it works, if not here: see ``namespaces``.
            url: Of the store as it is reached from there.
        """
        worker_id = str(uuid.uuid4())
        output = self.folder / f"worker-{worker_id}"
        words = [study.name, "--id", worker_id, "--threads", "1", "--output", str(output)]
        far = ("tests.support.namespaces:work_on_host", host)
        return self.nursery.start(
            *(far if host else ("tuner.workers.worker:main",)),
            words,
            environment={URL_VARIABLE: url or urls.reveal(self.store.url)},
            output=output,
            name=worker_id,
        )

    def supervisor(self, study: Study) -> Child:
        """Start ``tuner worker`` with one worker, whose temporary files go to a folder here."""
        moments = self.folder / "moments"
        moments.mkdir(exist_ok=True)
        return self.nursery.command(
            *("worker", study.name, "--workers", "1", "--threads", "1"),
            environment={URL_VARIABLE: urls.reveal(self.store.url), "TMPDIR": str(moments)},
        )

    def work(self, study: Study) -> Child:
        """Let a worker do all there is to do."""
        worker = self.worker(study)
        assert worker.wait() == 0, worker
        return worker

    def files(self, study: Study, kind: str = "*") -> list[str]:
        """Names of the study's files of a kind: ``checkpoints`` or ``models``."""
        folder = Path(study.spec["artifacts"]) / study.uuid
        return sorted(path.name for path in folder.glob(f"{kind}/*"))


@contextmanager
def workplace(url: str, folder: Path, nursery: Nursery) -> Iterator[Workplace]:
    """An open store with a folder."""
    store = open_store(url)
    try:
        yield Workplace(url, store, folder, nursery)
    finally:
        store.close()


def lease(store: Store, study: Study, number: int) -> Any:
    """The row of a trial's lease; None before there is one."""
    query = (
        sa.select(schema.leases)
        .join(schema.optuna_trials, schema.optuna_trials.c.trial_id == schema.leases.c.trial_id)
        .where(schema.leases.c.study_id == study.study_id, schema.optuna_trials.c.number == number)
    )
    with store.read() as c:
        return c.execute(query).first()


def epochs(store: Store, study: Study) -> list[Any]:
    """Every epoch of every trial that was written: number, epoch, token, recorded_at."""
    epoch, trial = schema.epochs.c, schema.optuna_trials.c
    query = (
        sa.select(trial.number, epoch.epoch, epoch.token, epoch.recorded_at)
        .join(schema.optuna_trials, trial.trial_id == epoch.trial_id)
        .where(trial.study_id == study.study_id)
        .order_by(trial.number, epoch.epoch)
    )
    with store.read() as c:
        return list(c.execute(query).all())


def attempts(store: Store, study: Study) -> list[Any]:
    """Every attempt at every trial, by number and token."""
    attempt, trial = schema.attempts.c, schema.optuna_trials.c
    query = (
        sa.select(schema.attempts, trial.number)
        .join(schema.optuna_trials, trial.trial_id == attempt.trial_id)
        .where(attempt.study_id == study.study_id)
        .order_by(trial.number, attempt.token)
    )
    with store.read() as c:
        return list(c.execute(query).all())


def curves(store: Store, study: Study) -> dict[int, list[dict[str, float]]]:
    """The learning curve of each trial, by its number."""
    return {t.number: trials.curve(store, t.trial_id) for t in trials.list_trials(store, study)}


def record(store: Store, study: Study, number: int = 0) -> TrialRecord:
    """A trial as people see it."""
    return trials.find(store, study, number)
