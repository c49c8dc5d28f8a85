"""What Prometheus asks for: all studies of a store, in its text exposition format."""

from __future__ import annotations

import time
from collections.abc import Iterator

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from storage import overview, studies
from storage.database.engine import Store
from storage.errors import StoreError, StudyGone
from storage.learning_curves import count_epochs
from storage.overview import Status
from storage.studies import Study

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
WINDOW = 60.0  # seconds over which epochs are counted
UNENDED = ("running", "paused")
WORKER_STATES = ("alive", "left", "lost")
STUDY_STATES = ("running", "paused", "stopped", "finished")


def text(store: Store) -> str:
    """The metrics as they are now; of a store that is away, only that it is."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StoreCollector(store))
    return generate_latest(registry).decode()


class StoreCollector(Collector):
    """Asks a store for its studies whenever somebody asks for metrics.

    Args:
        store: Of all studies.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is asked of the store when this is registered."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("tuner_store_up", "Whether the store answers.")
        latency = GaugeMetricFamily(
            "tuner_store_latency_seconds", "How long the store took for a trivial query."
        )
        families: list[GaugeMetricFamily] = []
        try:
            latency.add_metric([], _latency(self._store))
            families = _of_studies(self._store)
            up.add_metric([], 1)
        except StoreError:
            up.add_metric([], 0)
        yield from (up, latency, *families)


def _latency(store: Store) -> float:
    begin = time.perf_counter()
    with store.read() as c:
        c.execute(sa.text("SELECT 1")).all()
    return time.perf_counter() - begin


def _of_studies(store: Store) -> list[GaugeMetricFamily]:
    gauges = _Gauges()
    for study in studies.list_studies(store):
        try:
            status = overview.status(store, study)
        except StudyGone:
            continue
        gauges.add(status, _pace(store, status.study))
    return list(vars(gauges).values())


def _pace(store: Store, study: Study) -> float:
    """Epochs a second; of a study that is over nothing is asked."""
    if study.state not in UNENDED:
        return 0.0
    return count_epochs(store, study, seconds=WINDOW) / WINDOW


class _Gauges:
    """One sample or more of each for every study."""

    def __init__(self) -> None:
        self.state = _gauge("study_state", "1 for the state that a study is in.", "state")
        self.budget = _gauge("trials_budget", "Trials asked for.")
        self.trials = _gauge("trials", "Trials by state.", "state")
        self.failures = _gauge("failures", "Failed trials by kind.", "kind")
        self.promotions = _gauge("promotions", "How often a resting trial was resumed.")
        self.best = _gauge("best_value", "Best objective of a complete trial.")
        self.epochs = _gauge("epochs_per_second", "Epochs finished, over the last minute.")
        self.workers = _gauge("workers", "Workers by state.", "state")
        self.busy = _gauge("workers_busy_share", "Time of live workers spent inside training.")

    def add(self, status: Status, pace: float) -> None:
        """Adds a study; what is not known of it is left out."""
        name = status.study.name
        for state in STUDY_STATES:
            self.state.add_metric([name, state], int(status.study.state == state))
        self.budget.add_metric([name], status.study.budget)
        for state, count in vars(status.trials).items():
            self.trials.add_metric([name, state], count)
        for kind, count in status.failures.items():
            self.failures.add_metric([name, kind], count)
        self.promotions.add_metric([name], status.promotions)
        if status.best is not None and status.best.value is not None:
            self.best.add_metric([name], status.best.value)
        self.epochs.add_metric([name], pace)
        states = [worker.state for worker in status.workers]
        for state in WORKER_STATES:
            self.workers.add_metric([name, state], states.count(state))
        busy = [w.busy for w in status.workers if w.state == "alive" and w.busy is not None]
        if busy:
            self.busy.add_metric([name], sum(busy) / len(busy))


def _gauge(name: str, help_text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"tuner_{name}", help_text, labels=["study", *labels])
