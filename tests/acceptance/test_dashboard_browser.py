"""The dashboard in a real browser: seen, refused, and kept up to date."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from storage import studies
from storage.database.engine import open_store
from tests.support import study_history
from tests.support.browser import Page
from tests.support.dashboard import dashboard
from tests.support.studies import make_study
from tests.support.terminal import Terminal
from tests.support.trials import begin, complete, enter, fail

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"
STUDY = "mlp-digits-with-a-rather-long-name-as-people-give-them"
TRIALS = 12
CURVES = "document.querySelectorAll('#graph-intermediate-values .scatterlayer .trace').length"
PICTURES = "document.querySelectorAll('img[src*=\"/artifacts/\"]')"
ASKED = (  # bytes of each answer about a study
    "performance.getEntriesByType('resource').filter(e => e.name.includes('?after='))"
    ".map(e => e.decodedBodySize)"
)
LISTED = f"document.body.innerText.includes('{STUDY}')"


@contextmanager
def foreign_website(html: str) -> Iterator[str]:
    """Another origin on this machine, with one page."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_a_study_is_drawn_with_the_curve_of_every_trial(page: Page, sqlite_url: str) -> None:
    """In a wide and a narrow window, without an error on the console."""
    make_study(sqlite_url, STUDY, trials=TRIALS)
    with dashboard(sqlite_url) as running:
        for width, height in ((1280, 900), (400, 800)):
            page.open(running.url, width=width, height=height)
            page.wait_for(LISTED)
            page.open(f"{running.url}dashboard/studies/1", width=width, height=height)
            page.wait_for(f"{CURVES} >= {TRIALS}")
            page.wait_for("document.body.innerText.includes('Best Trial')")
    assert page.complaints == []


def test_a_running_study_is_watched(page: Page, tmp_path: Path) -> None:
    """Nobody reloads: the page asks again, and its script carries the session along.

    In the end each trial has its picture, and the best its model.
    """
    tuner = Terminal(tmp_path)
    tuner.json("launch", "mlp", "--data", "iris", "--trials", "6", "--workers", "0")
    url = f"sqlite:///{(tmp_path / 'tuner.db').as_posix()}"
    with dashboard(url, ours=True, password=PASSWORD) as running:
        page.open(f"{running.url}dashboard/studies/1")
        page.type("#password", PASSWORD)
        page.press_enter()
        page.wait_for("document.body.innerText.includes('mlp-iris')")
        assert page.evaluate(CURVES) == 0
        with tuner.started("worker", "mlp-iris", "--workers", "1"):
            page.wait_for(f"{CURVES} == 6")  # nobody has loaded the page again
        page.open(f"{running.url}dashboard/studies/1/note")
        page.wait_for("document.body.innerText.includes('finished')")
        tuner.json("extend", "mlp-iris", "--trials", "+2")
        page.wait_for("document.body.innerText.includes('6 of 8 trials')")
        best = tuner.json("best", "mlp-iris")["number"]
        page.open(f"{running.url}dashboard/studies/1/trials?numbers={best}")
        page.wait_for(f"{PICTURES}.length && [...{PICTURES}].every(i => i.naturalWidth > 100)")
        assert f"trial-{best:05d}" in page.text()  # its model's file
    assert page.complaints == []


def test_a_zombie_does_not_make_the_page_ask_for_everything_again(
    page: Page, sqlite_url: str
) -> None:
    """The first of many trials never ends: still a new one is all that is sent."""
    with closing(open_store(sqlite_url)) as store:
        study = studies.create(store, name=STUDY, spec=study_history.SPEC, budget=100)
        enter(store, study)
        begin(store, study)
        for _ in range(TRIALS):
            complete(store, begin(store, study), [0.5, 0.25])
        with dashboard(sqlite_url, ours=True) as running:
            page.open(f"{running.url}dashboard/studies/{study.study_id}")
            page.wait_for(f"{CURVES} == {TRIALS}")
            before = page.evaluate(ASKED)
            complete(store, begin(store, study), [0.4, 0.2])
            page.wait_for(f"{CURVES} == {TRIALS + 1}")
            asked = page.evaluate(ASKED)[len(before) :]
    assert asked
    assert max(asked) < before[0] / 4


def test_a_study_is_paused_on_our_own_page(page: Page, sqlite_url: str) -> None:
    """Found from its note; readable in a narrow window."""
    with closing(open_store(sqlite_url)) as store:
        study = studies.create(store, name=STUDY * 3, spec=study_history.SPEC, budget=100)
        enter(store, study)
        fail(store, begin(store, study), message="a-very-long-word-" * 20)
        with dashboard(sqlite_url, ours=True) as running:
            page.open(f"{running.url}dashboard/studies/{study.study_id}/note", width=360)
            page.wait_for("document.querySelector('a[href^=\"/tuner/studies/\"]')")
            page.evaluate("document.querySelector('a[href^=\"/tuner/studies/\"]').click()")
            page.wait_for("document.querySelector('form[action$=pause] button')")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            page.evaluate("document.querySelector('form[action$=pause] button').click()")
            page.wait_for("document.querySelector('form[action$=resume]')")
            assert "paused by hand" in page.text()
        assert studies.refresh(store, study).state == "paused"
    assert page.complaints == []


def test_without_the_password_nothing_is_seen(page: Page, sqlite_url: str) -> None:
    """A wrong one is refused; the right one leads on, until one logs out."""
    make_study(sqlite_url, STUDY)
    with dashboard(sqlite_url, password=PASSWORD) as running:
        page.open(running.url)
        page.type("#password", "not the password")
        page.press_enter()
        page.wait_for("document.querySelector('[role=alert]')")
        assert "This is not the password." in page.text()
        page.open(f"{running.url}api/studies")
        page.wait_for("location.search == '?next=%2Fapi%2Fstudies'")
        assert STUDY not in page.text()
        page.open(running.url)
        page.type("#password", PASSWORD)
        page.press_enter()
        page.wait_for(LISTED)
        assert page.evaluate("document.cookie") == ""  # out of reach of scripts
        page.open(f"{running.url}logout")
        page.wait_for("document.querySelector('button')")
        page.evaluate("document.querySelector('button').click()")
        page.wait_for("document.querySelector('#password')")
        page.open(f"{running.url}api/studies")
        page.wait_for("location.search == '?next=%2Fapi%2Fstudies'")
        assert STUDY not in page.text()


def test_another_website_can_neither_read_nor_write(page: Page, sqlite_url: str) -> None:
    """Its form reaches the stock dashboard, and upgrades the tables there."""
    make_study(sqlite_url, STUDY)
    with dashboard(sqlite_url) as running:
        form = f'<form method="post" action="{running.url}incompatible-rdb-schema"></form>'
        with foreign_website(form) as website:
            page.open(website)
            page.wait_for("document.forms.length")
            read = f"fetch('{running.url}api/studies').then(() => 'read', () => 'refused')"
            assert page.evaluate(read) == "refused"
            page.evaluate("document.forms[0].submit()")
            page.wait_for("document.body.innerText.includes('own pages')")
        assert (403, f"{running.url}incompatible-rdb-schema") in page.responses
