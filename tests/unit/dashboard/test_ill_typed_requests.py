"""Every route of optuna-dashboard, asked for what it does not expect: never an error of its own."""

from __future__ import annotations

import inspect
import itertools
import json
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import optuna_dashboard
import pytest
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import InMemoryStorage
from optuna.storages._cached_storage import _CachedStorage

from storage.database.engine import open_store
from tests.support.asgi import TestClient, client
from tuner.dashboard.app import application
from tuner.dashboard.hosts import Hosts

JSON = {"Content-Type": "application/json"}
CODE = {
    (route.method, route.rule): inspect.getsource(inspect.unwrap(route.callback))
    for route in optuna_dashboard.wsgi(InMemoryStorage()).routes
}
ROUTES = sorted(CODE)
KNOWN, UNKNOWN = "1", "77"
RIGHT: dict[str, Any] = {
    "study_name": "new",
    "directions": ["minimize"],
    "version": 1,
    "body": "a note",
    "mode": "ChooseWorst",
    "candidates": [0],
    "clicked": 0,
    "output_type": "note",
    "artifact_key": None,
    "user_attrs": {"key": 1},
    "file": "data:text/plain;base64,aGVsbG8=",
    "filename": "hello.txt",
    "remove_associated_artifacts": True,
    "last_response": {},
    "user_query": "all",
}
WRONG: list[Any] = [
    None, True, 0, -1, 1.5, 10**400, "", "text", "\0", "\ud800", "x" * 5000, [], [None], [[]],
    ["a"], [10**400], {}, {"a": 1}, {"": None}, {"\0": 1}, {"k" * 600: 1}, {"a": {"b": [1e308]}},
]  # fmt: skip
RAW: list[bytes] = [
    b"", b"{", b"null", b"[]", b"1", b'"text"', b"\xff\xfe", b'{"body": "\xff"}', b"NaN",
    b'{"version": NaN}', b"[" * 100_000, b'{"a":' * 50_000, b"1" * 10_000, b'{"a": 1, "a": []}',
]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one study of two trials, one of them running."""
    file = tmp_path_factory.mktemp("ill-typed") / "store.db"
    store = open_store(f"sqlite:///{file}")
    study = optuna.create_study(storage=store.optuna, study_name="known")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    study.ask()
    store.close()
    return file


@pytest.fixture
def asked(made: Path, tmp_path: Path) -> Iterator[TestClient]:
    """A dashboard of a copy of it."""
    store = open_store(f"sqlite:///{shutil.copy(made, tmp_path)}")
    (tmp_path / "files").mkdir()
    app = application(
        _CachedStorage(store.optuna),
        hosts=Hosts.of("localhost", 8080),
        artifacts=FileSystemArtifactStore(tmp_path / "files"),
        store=store,
    )
    with client(app) as opened:
        yield opened
    store.close()


def paths(rule: str) -> Iterator[str]:
    """The addresses of a route: of what exists, and of what does not."""
    if rule.startswith("/dashboard"):
        yield from ("/dashboard", "/dashboard/studies/77")
        return
    names = re.findall(r"<(\w+)[^>]*>(?:\))?", rule)
    choices = {
        "study_id": (KNOWN, UNKNOWN, "x", "99999999999"),
        "trial_id": (KNOWN, "2", UNKNOWN),
        "artifact_id": ("0-0", "a" * 300),
        "plot_type": ("slice", "contour", "timeline", "pareto_front", "unknown"),
        "history_id": ("none",),
        "filename": ("bundle.js", "none", "..%2F..%2Fetc%2Fpasswd"),
    }
    for values in itertools.product(*(choices[name] for name in names)):
        path = rule
        for name, value in zip(names, values, strict=True):
            path = re.sub(rf"<{name}[^/]*>", value, path, count=1)
        yield path


def bodies(method: str, rule: str) -> Iterator[bytes]:
    """Each key that the route reads wrong in every way, and missing; then all others at once."""
    read = [key for key in RIGHT if f'"{key}"' in CODE[method, rule]]
    others = [key for key in RIGHT if key not in read]
    yield from RAW
    yield json.dumps(RIGHT).encode()
    for keys, wrong in itertools.product([*([key] for key in read), others], WRONG):
        yield json.dumps({**RIGHT, **dict.fromkeys(keys, wrong)}).encode()
    for key in read:
        yield json.dumps({name: value for name, value in RIGHT.items() if name != key}).encode()
    yield json.dumps({name: RIGHT[name] for name in read}).encode()


def check(answer: Any, what: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert answer.status_code < 500, (what, answer.status_code, answer.text, caplog.text)
    assert "internal" not in answer.text[:200] or answer.status_code < 400
    if answer.status_code >= 400 and answer.headers["Content-Type"] == "application/json":
        assert 0 < len(answer.json()["reason"]) <= 300


READING = [(m, rule) for m, rule in ROUTES if m == "GET"]
WRITING = [(m, rule) for m, rule in ROUTES if m != "GET"]


@pytest.mark.parametrize(("method", "rule"), WRITING)
def test_no_body_is_an_internal_error(
    asked: TestClient, method: str, rule: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Wrong types, missing keys, huge numbers, lists for objects, half characters, no JSON."""
    caplog.set_level(logging.ERROR)
    for path in paths(rule):
        few = [json.dumps(RIGHT).encode(), b"[]"]
        exists = path.replace("/1", "") == re.sub(r"/<[^/]*>", "", rule)
        for body in bodies(method, rule) if exists else few:
            answer = asked.request(method, path, content=body, headers=JSON)
            check(answer, (method, path, body[:200]), caplog)
        for headers in ({}, {"Content-Type": "text/plain"}):
            answer = asked.request(method, path, content=json.dumps(RIGHT), headers=headers)
            check(answer, (method, path, headers), caplog)
    assert asked.get("/api/studies").status_code == 200


@pytest.mark.parametrize(("method", "rule"), READING)
def test_no_address_is_an_internal_error(
    asked: TestClient, method: str, rule: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither what does not exist, nor parameters that are no numbers."""
    caplog.set_level(logging.ERROR)
    for path in paths(rule):
        for query in ("", "?after=x", "?after=-1", f"?after={'9' * 5000}", "?trial_ids=x,%FF",
                      f"?trial_ids={'9' * 5000}", "?trial_ids=77", "?after=%00"):  # fmt: skip
            check(asked.request(method, path + query), (method, path, query[:50]), caplog)


def test_every_key_is_read_by_a_route() -> None:
    """So that none is wrong only beside others."""
    code = "".join(CODE[route] for route in WRITING)
    assert not [key for key in RIGHT if f'"{key}"' not in code]


def test_right_bodies_are_taken(asked: TestClient, tmp_path: Path) -> None:
    """As before: a study is created, its note written, an attribute set, and the study deleted."""

    def send(method: str, path: str, **values: Any) -> int:
        return asked.request(method, path, content=json.dumps(values), headers=JSON).status_code

    created = asked.post(
        "/api/studies", content=json.dumps({"study_name": "n", "directions": ["minimize"]}),
        headers=JSON,
    )  # fmt: skip
    assert created.status_code == 201
    number = created.json()["study_summary"]["study_id"]
    assert send("PUT", f"/api/studies/{number}/note", version=1, body="\\u0000 is 0") == 204
    assert asked.get(f"/api/studies/{number}").json()["note"]["body"].endswith("\\u0000 is 0")
    assert send("PUT", f"/api/studies/{number}/note", version=1, body="late") == 409
    assert send("POST", "/api/trials/2/user-attrs", user_attrs={"mark": [1, None]}) == 204
    assert send("POST", "/api/trials/1/user-attrs", user_attrs={"mark": 1}) == 400
    assert asked.request("DELETE", f"/api/studies/{number}").status_code == 204
