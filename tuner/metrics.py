"""What Prometheus asks for: all studies of a store, in its text exposition format.

See https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import sqlalchemy as sa

from storage import overview, studies
from storage.curves import count_epochs
from storage.engine import Store
from storage.errors import StoreUnreachable, StudyGone
from storage.overview import Status
from storage.studies import Study

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
WINDOW = 60.0  # seconds over which epochs are counted
UNENDED = ("running", "paused")
WORKER_STATES = ("alive", "left", "lost")
STUDY_STATES = ("running", "paused", "stopped", "finished")


@dataclass
class Metric:
    """One gauge with its samples."""

    name: str
    help: str
    samples: list[tuple[dict[str, str], float]] = field(default_factory=list)

    def add(self, value: float | None, **labels: str) -> None:
        """Adds a sample; one that is not known is left out."""
        if value is not None:
            self.samples.append((labels, value))

    def lines(self) -> Iterator[str]:
        """As Prometheus reads it."""
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} gauge"
        for labels, value in self.samples:
            named = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            yield f"{self.name}{{{named}}} {value!r}" if named else f"{self.name} {value!r}"


def metrics(store: Store) -> WSGIApplication:
    """An application that answers every GET with the metrics of a store."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"].upper() not in ("GET", "HEAD"):
            start_response("405 Method Not Allowed", [("Allow", "GET"), ("Content-Length", "0")])
            return []
        body = text(store).encode()
        headers = [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    return answer


def text(store: Store) -> str:
    """The metrics as they are now; of a store that is away, only that it is."""
    up = Metric("tuner_store_up", "Whether the store answers.")
    latency = Metric("tuner_store_latency_seconds", "How long the store took for a trivial query.")
    found = [up, latency]
    try:
        latency.add(_latency(store))
        found += _of_studies(store)
        up.add(1)
    except StoreUnreachable:
        up.add(0)
    return "\n".join(line for metric in found for line in metric.lines()) + "\n"


def _latency(store: Store) -> float:
    begin = time.perf_counter()
    with store.read() as c:
        c.execute(sa.text("SELECT 1")).all()
    return time.perf_counter() - begin


def _of_studies(store: Store) -> list[Metric]:
    gauges = {
        "state": Metric("tuner_study_state", "1 for the state that a study is in."),
        "budget": Metric("tuner_trials_budget", "Trials asked for."),
        "trials": Metric("tuner_trials", "Trials by state."),
        "failures": Metric("tuner_failures", "Failed trials by kind."),
        "best": Metric("tuner_best_value", "Best objective of a complete trial."),
        "epochs": Metric("tuner_epochs_per_second", "Epochs finished, over the last minute."),
        "workers": Metric("tuner_workers", "Workers by state."),
        "busy": Metric("tuner_workers_busy_share", "Time of live workers spent inside training."),
    }
    for study in studies.list_studies(store):
        try:
            status = overview.status(store, study)
        except StudyGone:
            continue
        _add(gauges, status, _pace(store, status.study))
    return list(gauges.values())


def _pace(store: Store, study: Study) -> float:
    """Epochs a second; of a study that is over nothing is asked."""
    if study.state not in UNENDED:
        return 0.0
    return count_epochs(store, study, seconds=WINDOW) / WINDOW


def _add(gauges: dict[str, Metric], status: Status, pace: float) -> None:
    name = status.study.name
    for state in STUDY_STATES:
        gauges["state"].add(int(status.study.state == state), study=name, state=state)
    gauges["budget"].add(status.study.budget, study=name)
    for state, count in vars(status.trials).items():
        gauges["trials"].add(count, study=name, state=state)
    for kind, count in status.failures.items():
        gauges["failures"].add(count, study=name, kind=kind)
    gauges["best"].add(None if status.best is None else status.best.value, study=name)
    gauges["epochs"].add(pace, study=name)
    states = [worker.state for worker in status.workers]
    for state in WORKER_STATES:
        gauges["workers"].add(states.count(state), study=name, state=state)
    busy = [w.busy for w in status.workers if w.state == "alive" and w.busy is not None]
    gauges["busy"].add(sum(busy) / len(busy) if busy else None, study=name)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
