"""The same trial on Optuna's own storage and on ours, step by step."""

from __future__ import annotations

import tempfile
import threading
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import optuna
from optuna.pruners import MedianPruner, SuccessiveHalvingPruner
from optuna.storages import RDBStorage, get_storage

from storage import claiming, leases, reports, studies, trials
from storage.database import schema
from storage.database.engine import Store, open_store
from storage.files.artifacts import Artifacts
from storage.leases import Claim
from storage.outcomes import Outcome
from storage.pruning import AshaRule, MedianRule
from storage.sampling.sampler_storage import SamplerStorage
from storage.sampling.trial_storage import TrialStorage
from storage.trials import Suggestion
from tests.support.bulk_studies import SPACE, fill
from tuner.objective_functions.current_trial import CurrentTrial, TrialSurroundings
from tuner.objective_functions.interruptions import Interruptions
from tuner.objective_functions.observed_study import ObservedStudy
from tuner.objective_functions.trial_folder import TrialFolder
from tuner.resources.device import Device
from tuner.trials.checkpoints import Checkpointer
from tuner.trials.reporter import Report, Reporter

STUDY = "benchmark"
ROOM = 10_000  # trials that the benchmark itself may make
FOREVER = 1e9  # seconds


class Contender(ABC):
    """Somebody who keeps a trial: begun, its epochs, its end."""

    @abstractmethod
    def __init__(self, url: str) -> None:
        """Opens the store as a new worker does."""

    @staticmethod
    @abstractmethod
    def prepare(url: str, *, finished: int, dead: int) -> None:
        """Makes a study with a past of so many trials that ended, and so many that never will."""

    @abstractmethod
    def begin(self, sampler: optuna.samplers.BaseSampler) -> None:
        """Gets a new trial and its parameters."""

    @abstractmethod
    def epoch(self, number: int, value: float, pruner: str) -> None:
        """Reports an epoch and asks whether to prune; the answer is ignored."""

    @abstractmethod
    def end(self, value: float) -> None:
        """Ends the trial as complete."""


class Optuna(Contender):
    """`ask`, `suggest_*`, `report` and `should_prune`, `tell`, on its stock storage.

    Its SQLite file has been switched to the write-ahead log, as ours: with Optuna's default it
    would be slower.
    """

    PRUNERS: ClassVar = {
        "median": MedianPruner(n_startup_trials=1, n_warmup_steps=0),
        "asha": SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    }

    @staticmethod
    def prepare(url: str, *, finished: int, dead: int) -> None:
        store = open_store(url)
        study = studies.create(store, name=STUDY, spec={}, budget=0)
        fill(store, study, finished=finished, dead=dead, ours=False)
        store.close()

    def __init__(self, url: str) -> None:
        url = url.replace("postgresql://", "postgresql+psycopg://")
        self._study = optuna.load_study(study_name=STUDY, storage=get_storage(RDBStorage(url)))

    def begin(self, sampler: optuna.samplers.BaseSampler) -> None:
        self._study.sampler = sampler
        self._trial = self._study.ask(fixed_distributions=dict(SPACE))

    def epoch(self, number: int, value: float, pruner: str) -> None:
        self._study.pruner = self.PRUNERS[pruner]
        self._trial.report(value, number)
        self._trial.should_prune()

    def end(self, value: float) -> None:
        self._study.tell(self._trial, value)


class Ours(Contender):
    """Claim, suggest and begin; report; finish."""

    RULES: ClassVar = {
        "median": MedianRule(),
        "asha": AshaRule(reduction=3),
    }

    @staticmethod
    def prepare(url: str, *, finished: int, dead: int) -> None:
        store = open_store(url)
        budget = finished + dead + ROOM
        study = studies.create(store, name=STUDY, spec={}, budget=budget, lease_seconds=FOREVER)
        fill(store, study, finished=finished, dead=dead)
        _keep_dead(store)
        store.close()

    def __init__(self, url: str) -> None:
        self._store = open_store(url, create=False)
        self._history = SamplerStorage(self._store)
        self._study = studies.load(self._store, STUDY)

    def begin(self, sampler: optuna.samplers.BaseSampler) -> None:
        claim = claiming.claim(self._store, self._study, "benchmark")
        assert isinstance(claim, Claim)
        self._claim = claim
        trial = self._ask(sampler)
        suggestion = Suggestion(
            hyperparameters=trial.params,
            params=trial.params,
            distributions=trial.distributions,
            attributes=self._history.attributes,
            seed=1,
        )
        trials.begin(self._store, claim, suggestion)

    def _ask(self, sampler: optuna.samplers.BaseSampler) -> optuna.trial.Trial:
        self._history.begin(self._claim.trial_id)
        self._history.get_all_trials(self._study.study_id, deepcopy=False)
        study = optuna.Study(study_name=STUDY, storage=self._history, sampler=sampler)
        trial = optuna.trial.Trial(study, self._claim.trial_id)
        for name, distribution in SPACE.items():
            trial._suggest(name, distribution)
        return trial

    def epoch(self, number: int, value: float, pruner: str) -> None:
        metrics: dict[str, Any] = {"loss": value, "val_loss": value}
        rule = self.RULES[pruner]
        reports.write_report(
            self._store, self._claim, epoch=number, value=value, metrics=metrics, rule=rule
        )

    def end(self, value: float) -> None:
        leases.finish(self._store, self._claim, Outcome(state="complete", value=value))


def _keep_dead(store: Store) -> None:
    """Leaves dead trials unended: a claim would take one over instead of making a new one."""
    with store.write() as c:
        dead = schema.leases.update().where(schema.leases.c.state == "leased")
        c.execute(dead.values(expires_at=store.now + FOREVER))


class OursObjective(Ours):
    """The trial that an objective function gets: each call of it is a write of its own."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._storage = TrialStorage(self._store)
        self._reporter: Reporter | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="storing-")
        self._artifacts = Artifacts(self._folder.name, self._study)

    def begin(self, sampler: optuna.samplers.BaseSampler) -> None:
        claim = claiming.claim(self._store, self._study, "benchmark")
        assert isinstance(claim, Claim)
        self._claim = claim
        nothing = Suggestion(hyperparameters={}, params={}, distributions={}, seed=1)
        trials.begin(self._store, claim, nothing)
        self._reporter = Reporter(
            self._store, claim, self.RULES["median"], stall=FOREVER, beat=lambda: None
        )
        self._storage.hold(claim, self._reporter.persist, self._report)
        study = ObservedStudy(STUDY, self._storage, sampler, lambda: None)
        checkpointer = Checkpointer(self._store, self._artifacts, claim, min_interval=FOREVER)
        surroundings = TrialSurroundings(
            store=self._store,
            claim=claim,
            artifacts=self._artifacts,
            reporter=self._reporter,
            persist=self._reporter.persist,
            interruptions=Interruptions(self._reporter, threading.Event()),
            folder=TrialFolder(checkpointer),
            device=Device(threads=1),
            seed=1,
            overrides={},
        )
        self._trial = CurrentTrial(study, surroundings)
        for name, distribution in SPACE.items():
            self._trial._suggest(name, distribution)

    def _report(self, step: int, value: float) -> None:
        assert self._reporter is not None
        metrics = {"value": value, "step": step}
        self._reporter.report(Report(self._trial.reports + 1, value, metrics, step=step))

    def epoch(self, number: int, value: float, pruner: str) -> None:
        assert self._reporter is not None
        self._reporter._rule = self.RULES[pruner]
        self._trial.report(value, number)
        self._trial.should_prune()

    def end(self, value: float) -> None:
        assert self._reporter is not None
        self._reporter.flush()
        super().end(value)
        self._reporter.close()


CONTENDERS: dict[str, type[Contender]] = {
    "Optuna": Optuna,
    "ours": Ours,
    "our objective": OursObjective,
}
