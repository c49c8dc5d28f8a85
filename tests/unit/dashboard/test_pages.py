"""Pages made of templates: what others wrote stays text."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import overview, studies, study_states, trial_annotations, workers
from storage.database.engine import Store, open_store
from tests.support import study_history
from tests.support.trials import WORKER, begin, complete, fail
from tuner.dashboard.pages import POLICY, page, render
from tuner.dashboard.study_pages import BUTTONS, MEMBERS, WORKERS, study_context

ATTACK = "</code><script>alert(1)</script>\" ' \x1b[2J \u202egnp.exe &amp;"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


def study_page(store: Store, name: str, **more: object) -> str:
    status = overview.status(store, studies.load(store, name))
    failures = trial_annotations.failures(store, status.study, count=9)
    return render("study.html", **study_context(status, failures, None, **more))


def test_text_of_others_stays_text(store: Store):
    """Of names, failures, workers, hyperparameters, reasons and places."""
    spec = {
        **study_history.SPEC,
        "overrides": [ATTACK],
        "artifacts": f"s3://key:secret@bucket/{ATTACK}",
    }
    study = studies.create(store, name=ATTACK, spec=spec, budget=9)
    workers.enter(store, study, worker_id=WORKER, host=ATTACK, pid=7, device=ATTACK)
    fail(store, begin(store, study), kind="error", message=ATTACK)
    complete(store, begin(store, study, activation=ATTACK), [0.5])
    with store.write() as c:
        study_states.set_state(c, study, "stopped", ATTACK)
    one = study_page(store, ATTACK, problem=ATTACK)
    every = render("studies.html", statuses=[overview.status(store, studies.load(store, ATTACK))])
    for html in (one, every, page("login.html", problem=ATTACK).body.decode()):
        assert "<script" not in html
        assert "&lt;script&gt;" in html
        assert "\x1b" not in html
        assert "\u202e" not in html
        assert "&amp;amp;" in html
    assert "secret" not in one
    assert "s3://***@bucket/" in one


def test_the_policy_lets_the_pages_own_style_in_and_no_other():
    """Its hash is that of what stands between the tags."""
    for html in (render("login.html"), render("logout.html"), render("studies.html", statuses=[])):
        (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in POLICY
        assert "style=" not in html


@pytest.mark.parametrize("state", list(BUTTONS))
def test_buttons_fit_the_state(store: Store, state: str):
    """More trials can always be added; a read-only page has no buttons at all."""
    study = studies.create(store, name="mine", spec=study_history.SPEC, budget=9)
    with store.write() as c:
        study_states.set_state(c, study, state, None)
    actions = re.findall(r'action="/tuner/studies/\d+/(\w+)"', study_page(store, "mine"))
    assert actions == [*BUTTONS[state], "extend"]
    assert "<form" not in study_page(store, "mine", read_only=True)


def test_long_lists_are_cut_and_say_so(store: Store):
    """A page stays readable with hundreds of workers and a large front."""
    spec = {**study_history.SPEC, "further": {"parameters": "min"}}
    study = studies.create(store, name="large", spec=spec, budget=200, further=[False])
    for number in range(WORKERS + 3):
        workers.enter(
            store, study, worker_id=f"{number:036}", host=f"h{number}", pid=7, device="cpu"
        )
    for number in range(MEMBERS + 2):
        losses, size = [1.0 - number / 100], (float(number),)
        complete(store, begin(store, study, f"{0:036}"), losses, further=size)
    html = study_page(store, "large")
    assert f"<h2>Workers: {WORKERS + 3} alive</h2>" in html
    assert f"<h2>Pareto front: {MEMBERS + 2} trials</h2>" in html
    assert re.findall(r"<p>(\d+) more</p>", html) == ["2", "3"]
    assert html.count("<tr>") == WORKERS + MEMBERS


def test_a_bar_is_as_long_as_its_trials(store: Store):
    """Each state follows on the one before."""
    study = studies.create(store, name="mine", spec=study_history.SPEC, budget=8)
    workers.enter(store, study, worker_id=WORKER, host="h", pid=7, device="cpu")
    complete(store, begin(store, study), [0.5])
    complete(store, begin(store, study), [0.5])
    fail(store, begin(store, study))
    begin(store, study)
    html = study_page(store, "mine")
    drawn = re.findall(r'<rect class="(\w+)" x="(\d+)" y="0" width="(\d+)"', html)
    assert drawn == [
        ("complete", "0", "2"),
        ("pruned", "2", "0"),
        ("failed", "2", "1"),
        ("atwork", "3", "1"),
        ("resting", "4", "0"),
    ]
    assert 'viewBox="0 0 8 1"' in html
    assert "3 of 8 trials: 2 complete, 1 failed; 1 running, 4 unstarted." in " ".join(html.split())
