"""The dashboard in a real browser: seen, refused, and kept up to date."""

from __future__ import annotations

import http.server
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.browser import Page, chromium
from tests.support.dashboard import dashboard
from tests.support.servers import Unavailable
from tests.support.studies import make_study

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"
STUDY = "mlp-digits-with-a-rather-long-name-as-people-give-them"
TRIALS = 12
CURVES = "document.querySelectorAll('#graph-intermediate-values .scatterlayer .trace').length"
LISTED = f"document.body.innerText.includes('{STUDY}')"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A fresh browser."""
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(chromium(tmp_path / "profile"))
        except Unavailable as error:
            reason = f"The dashboard is not tested in a browser: {error}"
            warnings.warn(pytest.PytestWarning(reason), stacklevel=1)
            pytest.skip(reason)
        yield opened


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


@pytest.mark.parametrize("size", [(1280, 900), (400, 800)], ids=["wide", "narrow"])
def test_a_study_is_drawn_with_the_curve_of_every_trial(
    page: Page, sqlite_url: str, size: tuple[int, int]
) -> None:
    make_study(sqlite_url, STUDY, trials=TRIALS)
    with dashboard(sqlite_url) as running:
        page.open(running.url, width=size[0], height=size[1])
        page.wait_for(LISTED)
        page.open(f"{running.url}dashboard/studies/1", width=size[0], height=size[1])
        page.wait_for(f"{CURVES} >= {TRIALS}")
        assert "Best Trial" in page.text()
    assert page.complaints == []


def test_trials_appear_while_the_page_is_open(page: Page, sqlite_url: str) -> None:
    """Nobody reloads: the page asks again, and its script carries the session along."""
    study = make_study(sqlite_url, STUDY, trials=3)
    with dashboard(sqlite_url, password=PASSWORD) as running:
        page.open(f"{running.url}dashboard/studies/1")
        page.wait_for("document.querySelector('#password')")
        page.type(PASSWORD)
        page.press_enter()
        page.wait_for(f"{CURVES} == 3")
        trial = study.ask()
        trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
        trial.report(0.5, 1)
        study.tell(trial, 0.5)
        page.wait_for(f"{CURVES} == 4")


def test_without_the_password_nothing_is_seen(page: Page, sqlite_url: str) -> None:
    make_study(sqlite_url, STUDY)
    with dashboard(sqlite_url, password=PASSWORD) as running:
        page.open(running.url)
        page.wait_for("document.querySelector('#password')")
        page.type("not the password")
        page.press_enter()
        page.wait_for("document.querySelector('[role=alert]')")
        assert "This is not the password." in page.text()
        page.open(f"{running.url}api/studies")
        page.wait_for("location.search == '?next=%2Fapi%2Fstudies'")
        assert STUDY not in page.text()
        page.open(running.url)
        page.wait_for("document.querySelector('#password')")
        page.type(PASSWORD)
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
