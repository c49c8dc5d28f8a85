"""What Prometheus reads, by a parser that takes nothing but its format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from optuna.storages._cached_storage import _CachedStorage
from prometheus_client.parser import text_string_to_metric_families

from storage import studies, study_states
from storage.database.engine import Store, open_store
from tests.support import study_history
from tests.support.asgi import client
from tests.support.trials import begin, complete, enter, fail, report
from tuner.dashboard import application
from tuner.dashboard.hosts import Hosts
from tuner.monitoring.prometheus import CONTENT_TYPE, text

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(exposed: str) -> Samples:
    """The samples of a text exposition; anything that is not of its format fails."""
    assert exposed.endswith("\n")
    declared: set[str] = set()
    samples: Samples = {}
    for line in exposed.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert kind == "gauge"
            assert name not in declared
            declared.add(name)
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match[1], match[2] or "", match[3]
            assert name in declared, line
            assert "".join(m[0] for m in LABEL.finditer(labels)) == labels, line
            key = name, frozenset((m[1], unescaped(m[2])) for m in LABEL.finditer(labels))
            assert key not in samples, line
            samples[key] = float(value)
    return samples


def unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), value)


def get(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def test_a_running_study(store: Store):
    """Trials by state, the best value, epochs a second, workers alive and busy."""
    study = studies.create(store, name="live", spec=study_history.SPEC, budget=5)
    enter(store, study)
    complete(store, begin(store, study), [0.5, 0.25])
    fail(store, begin(store, study))
    report(store, begin(store, study), [0.9, 0.8, 0.7, 0.6])
    samples = parse(text(store))
    states = {"complete": 1, "pruned": 0, "failed": 1, "running": 1, "waiting": 0, "unstarted": 2}
    for state, count in states.items():
        assert get(samples, "tuner_trials", study="live", state=state) == count
    assert get(samples, "tuner_trials_budget", study="live") == 5
    assert get(samples, "tuner_failures", study="live", kind="error") == 1
    assert get(samples, "tuner_best_value", study="live") == 0.25
    assert get(samples, "tuner_epochs_per_second", study="live") == pytest.approx(6 / 60)
    assert get(samples, "tuner_workers", study="live", state="alive") == 1
    assert get(samples, "tuner_study_state", study="live", state="running") == 1
    assert get(samples, "tuner_store_up") == 1
    assert 0 < get(samples, "tuner_store_latency_seconds") < 10


def test_epochs_of_long_ago_do_not_count(store: Store):
    """Nor does a study that is over cost a query for them."""
    study_history.make(store, "over", trials=20)
    study = study_history.make(store, "open", trials=20)
    study_states.extend(store, study, by=1)
    samples = parse(text(store))
    assert get(samples, "tuner_epochs_per_second", study="over") == 0
    assert get(samples, "tuner_epochs_per_second", study="open") == 0
    assert get(samples, "tuner_workers", study="open", state="lost") == 1
    assert ("tuner_workers_busy_share", frozenset({("study", "open")})) not in samples


def test_names_are_escaped(store: Store):
    """A study may be called anything."""
    name = 'a "b"\\\n{c}'
    studies.create(store, name=name, spec=study_history.SPEC, budget=7)
    assert get(parse(text(store)), "tuner_trials_budget", study=name) == 7


def test_a_store_that_is_away_is_told(store: Store, tmp_path: Any):
    """The scrape itself does not fail."""
    away = open_store("sqlite:///tuner.db", create=False)
    away.close()
    (tmp_path / "tuner.db").unlink()
    (tmp_path / "tuner.db").mkdir()
    assert get(parse(text(away)), "tuner_store_up") == 0


def test_a_parser_of_prometheus_reads_the_same(store: Store):
    """Their own."""
    study = studies.create(store, name='a "b"', spec=study_history.SPEC, budget=5)
    enter(store, study)
    complete(store, begin(store, study), [0.5, 0.25])
    told = text(store)
    families = {family.name: family for family in text_string_to_metric_families(told)}
    assert {family.type for family in families.values()} == {"gauge"}
    samples = {
        (sample.name, frozenset(sample.labels.items()))
        for family in families.values()
        for sample in family.samples
    }
    assert samples == parse(told).keys()


def test_a_store_that_is_away_is_told_by_the_dashboard(tmp_path: Path):
    """Page by page, without a traceback; Optuna's cache knows another error for it."""
    url = f"sqlite:///{tmp_path / 'tuner.db'}"
    opened = open_store(url)
    studies.create(opened, name="away", spec=study_history.SPEC, budget=5)
    storage = _CachedStorage(opened.optuna)
    app = application(storage, hosts=Hosts.of("127.0.0.1", 8080, ()), store=opened)
    with client(app) as asked:
        assert asked.get("/api/studies/1").status_code == 200
        opened.close()
        (tmp_path / "tuner.db").unlink()
        (tmp_path / "tuner.db").mkdir()
        for path in ("/tuner", "/tuner/studies/1", "/api/studies/1"):
            assert asked.get(path).status_code == 503, path
        assert "tuner_store_up 0.0" in asked.get("/metrics").text


def test_the_dashboard_serves_them_behind_its_password(store: Store):
    """A program sends it in a header."""
    app = application(
        store.optuna,
        hosts=Hosts.of("127.0.0.1", 8080, ()),
        password="correct horse battery",
        store=store,
    )
    with client(app) as opened:
        assert opened.get("/metrics").status_code == 401
        opened.headers["Authorization"] = "Bearer correct horse battery"
        scraped = opened.get("/metrics")
        assert (scraped.status_code, scraped.headers["Content-Type"]) == (200, CONTENT_TYPE)
        assert parse(scraped.text)
        assert opened.post("/metrics").status_code == 405
