"""A bug in the user's code is told from a bad trial."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage import claiming, leases, stopping, studies, study_states, trial_actions
from storage.database.engine import Store, open_store
from storage.leases import Claim
from storage.outcomes import Failure, Outcome
from storage.studies import Study

PLACE = 'Traceback (most recent call last):\n  File "/home/you/net.py", line {line}, in call\n'


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    opened = open_store(sqlite_url)
    yield opened
    opened.close()


def _fail(store: Store, study: Study, message: str, line: int, kind: str = "error") -> None:
    claim = claiming.claim(store, study, "worker")
    assert isinstance(claim, Claim)
    failure = Failure(kind=kind, message=message, traceback=PLACE.format(line=line))
    leases.finish(store, claim, Outcome(state="failed", failure=failure))


def _study(store: Store) -> Study:
    return studies.create(store, name="s", spec={}, budget=10)


def test_the_same_line_of_code_stops_the_study(store: Store) -> None:
    """Names of layers and shapes in the message differ from trial to trial: the place counts."""
    study = _study(store)
    for name in ("dense", "dense_1", "dense_2"):
        _fail(store, study, f"ValueError: cannot train {name}", line=6)
    stopped = studies.refresh(store, study)
    assert stopping.is_broken(stopped)
    assert "cannot train dense" in (stopped.reason or "")


@pytest.mark.parametrize(
    "last",
    [
        {"message": "ValueError: cannot train", "line": 7},
        {"message": "KeyError: 'units'", "line": 6},
        {"message": "ValueError: cannot train", "line": 6, "kind": "diverged"},
    ],
)
def test_failures_of_several_kinds_do_not(store: Store, last: dict[str, object]) -> None:
    """Another line, another exception or another kind of failure: bad trials, not a bug."""
    study = _study(store)
    for _ in range(2):
        _fail(store, study, "ValueError: cannot train", line=6)
    _fail(store, study, **last)  # type: ignore[arg-type]
    assert studies.refresh(store, study).state == "running"


def test_a_study_that_is_resumed_all_the_same_goes_on(store: Store) -> None:
    """The question is asked once: a fourth failure does not stop it again."""
    study = _study(store)
    for _ in range(3):
        _fail(store, study, "ValueError: cannot train", line=6)
    study_states.resume(store, study)
    _fail(store, study, "ValueError: cannot train", line=6)
    assert studies.refresh(store, study).state == "running"


def test_trying_again_what_failed_goes_on_too(store: Store) -> None:
    """After the bug is mended, ``retry`` is all that is needed."""
    study = _study(store)
    for _ in range(3):
        _fail(store, study, "ValueError: cannot train", line=6)
    assert trial_actions.retry(store, study) == [3, 4, 5]
    assert isinstance(claiming.claim(store, study, "worker"), Claim)
