"""What the dashboard tells of a study of ours, how little it repeats itself, and its own pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import optuna_dashboard
import pytest
from optuna import create_study, load_study
from optuna.storages import get_storage
from optuna.trial import TrialState

from storage import leases, studies, study_states, trial_writes, trials
from storage.database import schema
from storage.database.engine import Store, open_store
from storage.files.artifacts import Artifacts
from storage.studies import Study
from storage.trial_writes import LoggedFile
from tests.support import study_history
from tests.support.dashboard import Answer, Dashboard, dashboard
from tests.support.studies import make_study
from tests.support.trials import begin, complete, enter, fail, report

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MODEL = b"the bytes of a model"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("ours")
    opened = open_store(f"sqlite:///{(folder / 'store.db').as_posix()}")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def running(store: Store) -> Iterator[Dashboard]:
    with dashboard(store.url.render_as_string(), ours=True) as served:
        yield served


@pytest.fixture
def study(store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> Study:
    """A study with a zombie, a failed trial and one with a model: trials 0, 1 and 2."""
    spec = {**study_history.SPEC, "artifacts": str(tmp_path / "artifacts")}
    made = studies.create(store, name=request.node.name, spec=spec, budget=10, lease_seconds=60.0)
    artifacts = Artifacts(made.spec["artifacts"], made)
    artifacts.mark()
    saved = artifacts.save("models/best.keras", lambda path: path.write_bytes(MODEL) and None)
    worker = f"{made.uuid[:-1]}w"
    enter(store, made, worker)
    report(store, begin(store, made, worker), [0.9])
    fail(store, begin(store, made, worker), message="*boom*")
    told = {"model": saved.path, "model_sha256": saved.sha256}
    complete(store, begin(store, made, worker), [0.5, 0.25], **told)
    return made


def detail(running: Dashboard, study: Study, after: int = 0, cursor: str = "") -> Any:
    headers = {"Tuner-Cursor": cursor} if cursor else {}
    path = f"/api/studies/{study.study_id}?after={after}"
    return running.ask("GET", path, headers=headers).json()


def numbers(told: Any) -> list[int]:
    return [trial["number"] for trial in told["trials"]]


def press(running: Dashboard, study: Study, name: str, **form: object) -> Answer:
    path = f"/tuner/studies/{study.study_id}/{name}"
    return running.ask("POST", path, body=urlencode(form), headers=FORM)


# What is told of each trial.


def test_a_failed_trial_tells_why_and_who_had_it(running: Dashboard, study: Study):
    """As text: what a program has printed is no Markdown."""
    failed = detail(running, study)["trials"][1]
    assert failed["note"]["body"].startswith("**Failed** (error): \\*boom\\*\n\n**Worker** host:7")
    assert {"key": "worker", "value": "host:7"} in failed["user_attrs"]
    assert failed["artifacts"] == []


def test_a_trial_shows_its_learning_curve_and_its_model(running: Dashboard, study: Study):
    """Training and validation loss in one picture; the model as it was saved."""
    done = detail(running, study)["trials"][2]
    curve, model = done["artifacts"]
    base = f"/artifacts/{study.study_id}/{done['trial_id']}"
    picture = running.get(f"{base}/{curve['artifact_id']}")
    assert picture.headers.get_content_type() == curve["mimetype"] == "image/svg+xml"
    assert picture.headers["Content-Security-Policy"].startswith("sandbox")
    drawn = ElementTree.fromstring(picture.body)
    svg = "{http://www.w3.org/2000/svg}"
    assert len(drawn.findall(f"{svg}polyline")) == 2
    texts = {element.text for element in drawn.iter(f"{svg}text")}
    assert {"training", "validation", "epoch"} <= texts
    assert (model["filename"], running.get(f"{base}/{model['artifact_id']}").body) == (
        "best.keras",
        MODEL,
    )
    assert f"({base}/{curve['artifact_id']})" in done["note"]["body"]


def test_files_that_an_objective_logs(store: Store, running: Dashboard, study: Study):
    """Pictures are shown as such; whatever else it is, a browser only saves it."""
    claim = begin(store, study, f"{study.uuid[:-1]}w")
    artifacts = Artifacts(study.spec["artifacts"], study)
    for name in ("plot.png", "page.html"):
        saved = artifacts.save(f"files/{name}", lambda path: path.write_bytes(MODEL) and None)
        file = LoggedFile(name=name, path=saved.path, sha256=saved.sha256)
        trial_writes.add_file(store, claim, file)
    told = detail(running, study)["trials"][claim.number]
    base = f"/artifacts/{study.study_id}/{claim.trial_id}"
    kinds = {"plot.png": "image/png", "page.html": "application/octet-stream"}
    assert {item["filename"]: item["mimetype"] for item in told["artifacts"]} == kinds
    for item in told["artifacts"]:
        answer = running.get(f"{base}/{item['artifact_id']}")
        assert (answer.status, answer.body) == (200, MODEL)
        assert answer.headers.get_content_type() == kinds[item["filename"]]
        assert answer.headers["Content-Disposition"].startswith("attachment")
    assert running.get(f"{base}/f-{claim.trial_id}-2").status == 404


def test_a_model_that_was_removed_is_not_offered(store: Store, running: Dashboard, study: Study):
    """Open pages are told, although the trial had ended long before."""
    before = detail(running, study)
    done = before["trials"][2]
    trials.set_model(store, [done["trial_id"]], None)
    after = detail(running, study, cursor=before["tuner"]["cursor"])
    (changed,) = after["trials"]
    assert [item["filename"] for item in changed["artifacts"]] == ["learning-curve.svg"]
    gone = running.get(f"/artifacts/{study.study_id}/{done['trial_id']}/d-{done['trial_id']}")
    assert (gone.status, b"not kept" in gone.body) == (404, True)


def test_a_model_file_that_is_gone_is_one_line(store: Store, running: Dashboard, study: Study):
    """Somebody has cleared the folder."""
    best = trials.best(store, study)[0]
    assert best.model is not None
    Path(best.model).unlink()
    answer = running.get(f"/artifacts/{study.study_id}/{best.trial_id}/d-{best.trial_id}")
    assert (answer.status, b"cannot be read from here" in answer.body) == (404, True)


@pytest.mark.parametrize(
    ("where", "told"), [("outside", b"outside of the study's folder"), ("inside", b"not what was")]
)
def test_a_model_that_is_not_the_trials_is_not_served(
    store: Store, running: Dashboard, study: Study, tmp_path: Path, where: str, told: bytes
):
    """Whoever may write to the store reads no other file; nor is a damaged one sent."""
    best = trials.best(store, study)[0]
    secret = tmp_path / "secret"
    secret.write_bytes(b"not yours")
    values = {"model": str(secret)} if where == "outside" else {"model_sha256": "0" * 64}
    with store.write() as c:
        row = schema.trials.update().where(schema.trials.c.trial_id == best.trial_id)
        c.execute(row.values(**values))
    path = f"/artifacts/{study.study_id}/{best.trial_id}/d-{best.trial_id}"
    for method in ("GET", "HEAD"):
        answer = running.ask(method, path)
        assert (answer.status, b"not yours" in answer.body, MODEL in answer.body) == (
            404,
            False,
            False,
        )
    assert told in running.get(path).body


def test_what_users_note_on_a_trial_stays(running: Dashboard, study: Study):
    """And reaches the pages that others have open."""
    before = detail(running, study)
    note = before["trials"][1]["note"]
    body = json.dumps({"body": note["body"] + "mine", "version": note["version"] + 1})
    path = f"/api/studies/{study.study_id}/{before['trials'][1]['trial_id']}/note"
    assert running.ask("PUT", path, body=body, headers={"Content-Type": "application/json"}).status
    (told,) = detail(running, study, cursor=before["tuner"]["cursor"])["trials"]
    assert told["note"]["body"] == note["body"] + "mine"


def test_the_note_of_a_study_is_up_to_date_without_a_supervisor(
    store: Store, running: Dashboard, study: Study
):
    """It is made when it is asked for; what users have written stays."""
    optuna_dashboard.save_note(load_study(study_name=study.name, storage=store.optuna), "mine")
    note = detail(running, study)["note"]["body"]
    assert note.startswith("**running**: 2 of 10 trials: 1 complete, 1 failed")
    assert f"](/tuner/studies/{study.study_id})" in note
    assert note.endswith("---\nmine")


@pytest.mark.parametrize("spelled", ["", "0000000000"])
def test_a_study_is_deleted_with_its_files(
    store: Store, running: Dashboard, study: Study, spelled: str
):
    """As `tuner delete` does it, and only by our own page; however its number is written."""
    folder, path = Path(study.spec["artifacts"]), f"/api/studies/{study.study_id}"
    assert running.ask("DELETE", path, headers={"Origin": "http://evil.example"}).status == 403
    assert [*folder.rglob("*.keras")]
    written = path.replace("studies/", "studies/" + spelled)
    assert running.ask("DELETE", written).status == 204
    assert studies.by_id(store, study.study_id) is None
    assert not [*folder.rglob("*.keras")]
    assert running.get(path).status == 404


@pytest.mark.parametrize("spelt", ["0000000000{}", "{}/", "٠{}", "0{}///"])
def test_a_study_is_deleted_with_its_files_however_its_number_is_spelt(
    store: Store, running: Dashboard, study: Study, spelt: str
):
    """What Bottle would read as its number is its number to us too."""
    number = quote(spelt.format(study.study_id))
    assert running.ask("DELETE", f"/api/studies/{number}").status == 204
    assert studies.by_id(store, study.study_id) is None
    assert not [*Path(study.spec["artifacts"]).rglob("*.keras")]


@pytest.mark.parametrize("number", ["-1", "9" * 12, "9" * 5000])
def test_a_number_that_no_study_has_is_not_found(running: Dashboard, number: str):
    """Whatever is asked of it."""
    for method, path in (("DELETE", "/api/studies/"), ("GET", "/tuner/studies/"), ("GET", "/csv/")):
        assert running.ask(method, path + number).status == 404


def test_nothing_is_uploaded_or_removed(running: Dashboard, study: Study):
    """Files of trials are their workers' affair."""
    done = detail(running, study)["trials"][2]
    path = f"/api/artifacts/{study.study_id}/{done['trial_id']}"
    for method, where in (("POST", path), ("DELETE", f"{path}/d-{done['trial_id']}")):
        answer = running.ask(method, where, body="{}", headers={"Content-Type": "application/json"})
        assert (answer.status, "by their workers" in answer.json()["reason"]) == (403, True)


# How little is repeated.


def test_a_page_is_told_what_changed_in_spite_of_a_zombie(
    store: Store, running: Dashboard, study: Study
):
    """The first trial never ends; the stock page would get all after it with each poll."""
    first = detail(running, study)
    assert numbers(first) == [0, 1, 2]
    assert not first["tuner"]["delta"]
    quiet = detail(running, study, cursor=first["tuner"]["cursor"])
    assert quiet == {"tuner": {**first["tuner"], "delta": True}, "trials": []}
    worker = f"{study.uuid[:-1]}w"
    complete(store, begin(store, study, worker), [0.1])
    told = detail(running, study, cursor=quiet["tuner"]["cursor"])
    assert numbers(told) == [3]
    assert [trial["number"] for trial in told["best_trials"]] == [3]


def test_a_page_from_before_a_restart_gets_everything(running: Dashboard, study: Study):
    """Versions are counted anew in each process."""
    uuid = detail(running, study)["tuner"]["uuid"]
    told = detail(running, study, cursor=f"0000.{uuid}.7")
    assert (told["tuner"]["delta"], numbers(told)) == (False, [0, 1, 2])


def test_the_id_of_a_deleted_study_may_come_back(store: Store, running: Dashboard, study: Study):
    """SQLite gives it to the next study; pages are told that it is another one."""
    before = detail(running, study)["tuner"]
    studies.delete(store, study)
    other = studies.create(store, name="another", spec=study_history.SPEC, budget=1)
    told = detail(running, other, cursor=before["cursor"])
    assert (told["name"], numbers(told), told["tuner"]["delta"]) == ("another", [], False)
    assert told["tuner"]["uuid"] != before["uuid"]


def test_a_study_of_optunas_is_told_as_the_stock_dashboard_does(sqlite_url: str):
    """Word for word, so that its page understands."""
    study = make_study(sqlite_url, "foreign", trials=7)
    zombie = study.ask()  # without parameters it would leave the stock one none in common
    zombie.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    zombie.suggest_int("units", 16, 256)
    with dashboard(sqlite_url) as served:
        ours = served.get("/api/studies/1?after=2").json()
    assert ours.pop("tuner")["delta"] is False
    assert ours == stock(sqlite_url, "/api/studies/1", "after=2")


def test_several_objectives_are_told_as_the_stock_dashboard_does(sqlite_url: str):
    """Word for word, the Pareto front among it; a pruned trial and one that runs have no values."""
    study = create_study(
        study_name="foreign", storage=sqlite_url, directions=["minimize", "maximize"]
    )
    for x, y in ((1.0, 1.0), (2.0, 2.0), (2.0, 1.0), (1.0, 1.0), (3.0, 9.0)):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, [x, y])
    for state in (TrialState.PRUNED, TrialState.FAIL):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, state=state)
    study.ask().suggest_float("x", 0, 1)
    with dashboard(sqlite_url) as served:
        ours = served.get("/api/studies/1?after=0").json()
    assert ours.pop("tuner")["delta"] is False
    assert [trial["number"] for trial in ours["best_trials"]] == [0, 1, 3, 4]
    assert ours == stock(sqlite_url, "/api/studies/1", "after=0")


def test_the_front_is_told_as_it_changes(store: Store, running: Dashboard, tmp_path: Path):
    """A trial that is dominated later leaves it."""
    spec = {**study_history.SPEC, "further": {"parameters": "min"}, "artifacts": str(tmp_path)}
    made = studies.create(store, name="several", spec=spec, budget=9, further=[False])
    worker = f"{made.uuid[:-1]}w"
    enter(store, made, worker)
    fronts, cursor = [], ""
    for loss, size in ((0.5, 50.0), (0.4, 60.0), (0.6, 55.0), (0.4, 50.0)):
        complete(store, begin(store, made, worker), [loss], further=(size,))
        told = detail(running, made, cursor=cursor)
        cursor = told["tuner"]["cursor"]
        fronts += [numbers({"trials": told["best_trials"]})] if "best_trials" in told else [None]
    assert fronts == [[0], [0, 1], None, [3]]  # None: it is as it was
    assert "**Pareto front**: 1 trial" in detail(running, made)["note"]["body"]


def stock(url: str, path: str, query: str) -> Any:
    """What optuna-dashboard itself answers."""
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query}
    app = optuna_dashboard.wsgi(get_storage(url))
    environ |= {"SERVER_NAME": "x", "SERVER_PORT": "1", "wsgi.url_scheme": "http"}
    environ |= {"HTTP_ACCEPT_ENCODING": ""}
    return json.loads(b"".join(app(environ, lambda *_: None)))


def test_the_page_brings_the_script_that_asks_so(running: Dashboard):
    """Before the stock one, from our own origin."""
    page = running.get("/dashboard/studies/1").body
    assert page.index(b"/tuner/poll.js") < page.index(b"/static/bundle.js")
    script = running.get("/tuner/poll.js")
    assert (script.status, script.headers.get_content_type()) == (200, "text/javascript")


# Our own pages.


def test_a_page_shows_workers_budget_failures_and_files(running: Dashboard, study: Study):
    """Plain HTML: no script, nothing that a failure could smuggle in."""
    page = running.get(f"/tuner/studies/{study.study_id}")
    text = page.body.decode()
    for told in (
        study.name,
        "2 of 10 trials: 1 complete, 1 failed; 1 running, 7 unstarted.",
        "host:7",
        "trial 0, epoch 1",
        "*boom*",
        "models 20 B in 1 file",
        "of the 3 best trials",
    ):
        assert told in text
    assert "<script" not in text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha")
    assert study.name in running.get("/tuner").body.decode()


def test_buttons_do_what_the_commands_do(store: Store, running: Dashboard, study: Study):
    """Each leads back to the page, which says so; the note too."""
    for name, state in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        answer = press(running, study, name)
        assert (answer.status, answer.headers["Location"]) == (
            303,
            f"/tuner/studies/{study.study_id}",
        )
        assert studies.refresh(store, study).state == state
        written = store.optuna.get_study_system_attrs(study.study_id)["dashboard:note_str:0"]
        assert written.startswith(f"**{state}")
    assert press(running, study, "extend", trials="+5").status == 303
    extended = studies.refresh(store, study)
    assert (extended.budget, extended.state) == (15, "running")


@pytest.mark.parametrize("given", ["", "0", "-1", "1.5", "ten", "²", "1000000"])
def test_trials_that_make_no_number_are_refused(running: Dashboard, study: Study, given: str):
    """On the page, with what was expected."""
    answer = press(running, study, "extend", trials=given)
    assert (answer.status, b"Expected 1 to 100000 more trials" in answer.body) == (409, True)


def test_a_button_that_came_too_late_is_explained(store: Store, running: Dashboard, study: Study):
    """The study has finished meanwhile."""
    with store.write() as c:
        study_states.set_state(c, study, "finished", "all trials have ended")
    answer = press(running, study, "pause")
    assert (answer.status, b'role="alert"' in answer.body) == (409, True)
    assert press(running, study, "delete").status == 404


def test_another_website_cannot_press_a_button(store: Store, running: Dashboard, study: Study):
    """Nor can anybody on a read-only dashboard, where there are none."""
    path = f"/tuner/studies/{study.study_id}"
    foreign = {**FORM, "Origin": "http://evil.example"}
    assert running.ask("POST", f"{path}/stop", headers=foreign).status == 403
    with dashboard(store.url.render_as_string(), ours=True, read_only=True) as served:
        assert press(served, study, "stop").status == 403
        assert b"<form" not in served.get(path).body
    assert b"<form" in running.get(path).body
    assert studies.refresh(store, study).state == "running"


def test_a_study_that_is_not_there_is_said_so(running: Dashboard):
    """Without a traceback."""
    assert running.get("/tuner/studies/4711").status == 404
    assert running.ask("POST", "/tuner/studies/4711/stop").status == 404


def test_a_taken_over_trial_says_so(store: Store, running: Dashboard, study: Study):
    """Its note names the worker that has it now."""
    worker = f"{study.uuid[:-1]}w"
    claim = begin(store, study, worker)
    leases.give_back(store, claim, seconds=0.0)
    begin(store, study, worker)
    assert "attempt 2" in detail(running, study)["trials"][3]["note"]["body"]
