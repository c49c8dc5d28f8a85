"""A real dashboard on loopback, asked as browsers, programs and hostile pages ask it."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.storages import get_storage

from tests.support.dashboard import Answer, Dashboard, dashboard
from tests.support.studies import make_study
from tuner.dashboard import serve
from tuner.errors import UserError

PASSWORD = "correct horse battery"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BEARER = {"Authorization": f"Bearer {PASSWORD}"}
AS_BROWSER = {"Accept": "text/html,application/xhtml+xml"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dashboard")


@pytest.fixture(scope="module")
def store(folder: Path) -> str:
    """A store with one study, to which a web page was uploaded."""
    url = f"sqlite:///{(folder / 'store.db').as_posix()}"
    study = make_study(url, "mlp-digits", trials=30)
    page = folder / "page.html"
    page.write_text("<script>fetch('/api/studies', {method: 'POST'})</script>")
    (folder / "artifacts").mkdir()
    artifacts = FileSystemArtifactStore(folder / "artifacts")
    upload_artifact(
        artifact_store=artifacts,
        file_path=str(page),
        study_or_trial=study,
        storage=study._storage,
    )
    return url


@pytest.fixture(scope="module")
def opened(store: str, folder: Path) -> Iterator[Dashboard]:
    """Without a password, as on one's own machine."""
    with dashboard(store, artifacts=str(folder / "artifacts")) as running:
        yield running


@pytest.fixture(scope="module")
def locked(store: str) -> Iterator[Dashboard]:
    """With a password, and read-only."""
    with dashboard(store, password=PASSWORD, read_only=True) as running:
        yield running


def write(
    running: Dashboard, path: str, headers: dict[str, str], body: dict[str, object]
) -> Answer:
    return running.ask("POST", path, body=json.dumps(body), headers={**JSON, **headers})


def new_study(running: Dashboard, name: str, **headers: str) -> Answer:
    spelled = {key.replace("_", "-"): value for key, value in headers.items()}
    return write(running, "/api/studies", spelled, {"study_name": name, "directions": ["minimize"]})


# What it is for.


def test_a_study_is_shown_with_its_curves(opened: Dashboard) -> None:
    """Every trial with its state and a value for each epoch."""
    (listed,) = (
        study
        for study in opened.get("/api/studies").json()["study_summaries"]
        if study["study_name"] == "mlp-digits"
    )
    study = opened.get(f"/api/studies/{listed['study_id']}?after=0").json()
    states = [trial["state"] for trial in study["trials"]]
    assert (states.count("Complete"), states.count("Pruned")) == (20, 10)
    assert [value["step"] for value in study["trials"][0]["intermediate_values"]] == [*range(1, 9)]


def test_the_page_and_its_script_are_served(opened: Dashboard) -> None:
    """The root leads to the page."""
    assert opened.get("/").headers["Location"].endswith("/dashboard")
    assert b"dashboard" in opened.get("/dashboard").body
    assert opened.get("/static/bundle.js", Accept_Encoding="gzip").status == 200


def test_a_trial_that_was_added_is_seen_at_the_next_poll(sqlite_url: str) -> None:
    """What did not change is not sent, what did is."""
    study = make_study(sqlite_url, "growing", trials=1)
    with dashboard(sqlite_url) as running:
        first = running.get("/api/studies/1?after=0")
        unchanged = running.get("/api/studies/1?after=0", If_None_Match=first.headers["ETag"])
        assert (unchanged.status, unchanged.body) == (304, b"")
        study.set_user_attr("note", "changed")
        changed = running.get("/api/studies/1?after=0", If_None_Match=first.headers["ETag"])
        assert changed.json()["user_attrs"] == [{"key": "note", "value": "changed"}]


# Whose request it is.


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_it_answers_to_its_own_names(opened: Dashboard, name: str) -> None:
    """With its port."""
    assert opened.get("/api/studies", Host=f"{name}:{opened.port}").status == 200


@pytest.mark.parametrize("path", ["/", "/api/studies", "/static/bundle.js", "/artifacts/1/1/a"])
def test_a_name_that_was_bound_to_our_address_is_refused(opened: Dashboard, path: str) -> None:
    """On every path, so that DNS rebinding reads nothing."""
    answer = opened.get(path, Host=f"evil.example:{opened.port}")
    assert answer.status == 421
    assert b"evil.example" in answer.body


def test_a_foreign_page_cannot_write(opened: Dashboard) -> None:
    """By its origin or by what the browser says of it; nothing is made."""
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://localhost:{opened.port + 1}"},
        {"Sec_Fetch_Site": "cross-site"},
    ):
        answer = new_study(opened, "foreign", **headers)
        assert (answer.status, "own pages" in answer.json()["reason"]) == (403, True)
    names = [s["study_name"] for s in opened.get("/api/studies").json()["study_summaries"]]
    assert "foreign" not in names


def test_our_own_page_and_programs_can_write(opened: Dashboard) -> None:
    """The page names itself, a program sends no origin."""
    own = {"Origin": opened.url.rstrip("/"), "Sec_Fetch_Site": "same-origin"}
    assert new_study(opened, "from the page", **own).status == 201
    assert new_study(opened, "from a program").status == 201


# What is refused to everybody.


def test_the_tables_are_not_upgraded_from_a_page(opened: Dashboard) -> None:
    """Optuna's own button is refused."""
    for path in ("/incompatible-rdb-schema", "/incompatible-rdb-schema/"):
        answer = opened.ask("POST", path)
        assert (answer.status, b"never upgraded" in answer.body) == (403, True)


def test_a_study_cannot_be_renamed(opened: Dashboard) -> None:
    """Its workers know it by its name."""
    for path in ("/api/studies/1/rename", "/api/studies/1/rename/"):
        answer = write(opened, path, {}, {"study_name": "another"})
        assert (answer.status, "cannot be renamed" in answer.json()["reason"]) == (403, True)
    assert opened.get("/api/studies/1?after=0").json()["name"] == "mlp-digits"


def test_a_trial_cannot_be_ended_behind_its_worker(sqlite_url: str) -> None:
    """It goes on running."""
    study = optuna.create_study(storage=sqlite_url)
    trial = study.ask()
    with dashboard(sqlite_url) as running:
        answer = write(running, f"/api/trials/{trial._trial_id}/tell", {}, {"state": "Fail"})
    assert (answer.status, "its worker" in answer.json()["reason"]) == (403, True)
    assert study.trials[0].state == optuna.trial.TrialState.RUNNING


# What browsers are told.


@pytest.mark.parametrize("path", ["/dashboard", "/api/studies", "/static/bundle.js", "/nowhere"])
def test_every_answer_carries_security_headers(opened: Dashboard, path: str) -> None:
    """Also one that is an error; the server does not name itself."""
    headers = opened.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "private, no-cache"
    assert "Server" not in headers


def test_an_uploaded_page_can_do_nothing(opened: Dashboard) -> None:
    """It is served as it is, in a sandbox without scripts."""
    (artifact,) = opened.get("/api/studies/1?after=0").json()["artifacts"]
    answer = opened.get(f"/artifacts/1/{artifact['artifact_id']}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_json_comes_compressed(opened: Dashboard) -> None:
    """To a fifth or less, for those who accept it."""
    plain = opened.get("/api/studies/1?after=0")
    packed = opened.get("/api/studies/1?after=0", Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 5


# The password.


def log_in(running: Dashboard, password: str, query: str = "") -> Answer:
    body = urlencode({"password": password})
    headers = {**FORM, "Origin": running.url.rstrip("/")}
    return running.ask("POST", f"/login{query}", body=body, headers=headers)


def test_a_person_is_sent_to_the_login_page_and_back(locked: Dashboard) -> None:
    """To the page that was asked for; the login page has no script."""
    sent = locked.ask("GET", "/dashboard/studies/1", headers=AS_BROWSER)
    assert (sent.status, sent.headers["Location"]) == (
        303,
        "/login?next=%2Fdashboard%2Fstudies%2F1",
    )
    page = locked.get(sent.headers["Location"])
    assert (page.status, page.headers["Cache-Control"]) == (200, "no-store")
    assert b'type="password"' in page.body
    assert b"<script" not in page.body
    done = log_in(locked, PASSWORD, "?next=%2Fdashboard%2Fstudies%2F1")
    assert (done.status, done.headers["Location"]) == (303, "/dashboard/studies/1")


def test_a_session_lasts_until_log_out_wherever_its_cookie_was_copied(locked: Dashboard) -> None:
    """The cookie does not hold the password."""
    set_cookie = log_in(locked, PASSWORD).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {*set_cookie.split("; ")}
    assert PASSWORD not in set_cookie
    cookie = {"Cookie": set_cookie.partition(";")[0]}
    assert locked.ask("GET", "/api/studies", headers=cookie).status == 200
    assert locked.ask("GET", "/login", headers=cookie).status == 303
    assert locked.ask("POST", "/logout", headers=cookie).headers["Location"] == "/login"
    assert locked.ask("GET", "/api/studies", headers=cookie).status == 401


@pytest.mark.parametrize("path", ["/api/studies", "/api/studies/1?after=0", "/csv/1", "/metrics"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eDp5"}, {"Cookie": "tuner-1=x"}])
def test_nothing_is_told_without_the_password(
    locked: Dashboard, path: str, headers: dict[str, str]
) -> None:
    """Neither with a wrong header nor with an invented cookie."""
    answer = locked.ask("GET", path, headers=headers)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="tuner"')
    assert b"mlp-digits" not in answer.body


def test_a_program_sends_the_password_with_each_request(locked: Dashboard) -> None:
    """As a bearer token."""
    assert locked.ask("GET", "/api/studies", headers=BEARER).status == 200


def test_a_password_may_hold_any_letter(store: str) -> None:
    """As a token and in the form."""
    with dashboard(store, password="Pässwörter ☂") as running:
        header = {"Authorization": "Bearer Pässwörter ☂".encode().decode("latin-1")}
        assert running.ask("GET", "/api/studies", headers=header).status == 200
        assert log_in(running, "Pässwörter ☂").status == 303


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nSet-Cookie: b"]
)
def test_a_log_in_never_leads_to_another_website(locked: Dashboard, target: str) -> None:
    """However the target is written."""
    answer = log_in(locked, PASSWORD, "?" + urlencode({"next": target}))
    assert (answer.status, answer.headers["Location"]) == (303, "/")


def test_guesses_are_slowed_down_for_pages_and_programs_together(store: str) -> None:
    """Who is right waits a turn and is let in, also while others go on guessing."""
    with dashboard(store, password=PASSWORD) as running:
        assert [log_in(running, f"wrong {number}").status for number in range(4)] == [403] * 4
        wrong = {"Authorization": "Bearer wrong"}
        assert running.ask("GET", "/api/studies", headers=wrong).status == 401
        with ThreadPoolExecutor(12) as pool:
            guesses = [pool.submit(log_in, running, f"guess {number}") for number in range(3)]
            programs = [
                pool.submit(running.ask, "GET", "/api/studies", headers=BEARER) for _ in range(8)
            ]
            assert log_in(running, PASSWORD).status == 303
            assert [guess.result().status for guess in guesses] == [403] * 3
            assert {program.result().status for program in programs} == {200}


def test_who_guesses_and_goes_takes_no_turn(store: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Nor does it leave a traceback behind, wherever in its request it went."""
    with dashboard(store, password=PASSWORD) as running:
        for number in range(5):
            assert log_in(running, f"wrong {number}").status == 403
        for number in range(40):
            with socket.create_connection(("127.0.0.1", running.port)) as client:
                guess = f"password=guess-{number:02}"
                head = f"Host: {running.host}\r\nContent-Length: {len(guess)}\r\n\r\n"
                client.sendall(f"POST /login HTTP/1.1\r\n{head}{guess[: 10 + number]}".encode())
            with socket.create_connection(("127.0.0.1", running.port)) as client:
                bearer = f"Authorization: Bearer guess-{number}\r\nHost: {running.host}"
                client.sendall(f"GET /api/meta HTTP/1.1\r\n{bearer}\r\n\r\n".encode())
        assert log_in(running, PASSWORD).status == 303
    assert "Traceback" not in capfd.readouterr().err


def test_a_browser_that_was_let_in_before_is_told_from_others(store: str) -> None:
    """Whoever guesses behind its address does not slow it down after it has logged out."""
    with dashboard(store, password=PASSWORD) as running:
        cookies = log_in(running, PASSWORD).headers.get_all("Set-Cookie") or []
        known = "; ".join(cookie.partition(";")[0] for cookie in cookies)
        assert running.ask("POST", "/logout", headers={"Cookie": known}).status == 303
        for number in range(5):
            assert log_in(running, f"wrong {number}").status == 403
        body, headers = urlencode({"password": "mistyped"}), {**FORM, "Cookie": known}
        refused = running.ask("POST", "/login", body=body, headers=headers)
        assert refused.status == 403
        body = urlencode({"password": PASSWORD})
        assert running.ask("POST", "/login", body=body, headers=headers).status == 303


def test_right_passwords_are_never_refused(locked: Dashboard) -> None:
    """However many programs send them at once."""
    with ThreadPoolExecutor(16) as pool:
        asked = [
            pool.submit(locked.ask, "GET", "/login", headers=BEARER)
            if number % 2
            else pool.submit(locked.ask, "GET", "/api/meta", headers=BEARER)
            for number in range(200)
        ]
        assert {answer.result().status for answer in asked} == {200}


def test_a_foreign_page_cannot_log_its_visitor_in(locked: Dashboard) -> None:
    """Its form is refused although the password is right."""
    body = urlencode({"password": PASSWORD})
    headers = {**FORM, "Origin": "http://evil.example"}
    assert locked.ask("POST", "/login", body=body, headers=headers).status == 403


def test_a_long_form_is_not_read(locked: Dashboard) -> None:
    """No password is that long."""
    assert log_in(locked, PASSWORD + "x" * 5000).status == 403


def test_the_limit_forgives_who_knows_the_password(locked: Dashboard) -> None:
    """Each right one gives all attempts back."""
    for _ in range(3):
        assert log_in(locked, "wrong").status == 403
        assert log_in(locked, PASSWORD).status == 303


# Read-only.


def test_read_only_blocks_every_write_and_no_read(locked: Dashboard) -> None:
    """Also with the password."""
    refused = new_study(locked, "new", **BEARER)
    assert (refused.status, refused.json()["reason"]) == (403, "This dashboard is read-only.")
    assert locked.ask("DELETE", "/api/studies/1", headers=BEARER).status == 403
    note = json.dumps({"body": "x", "version": 1})
    assert locked.ask("PUT", "/api/studies/1/note", body=note, headers=BEARER).status == 403
    study = locked.ask("GET", "/api/studies/1?after=0", headers=BEARER).json()
    assert (study["name"], study["note"]["body"]) == ("mlp-digits", "")


# The server.


def test_tls_makes_the_cookie_secure(store: str, tmp_path: Path) -> None:
    """With a certificate that the test makes itself."""
    if shutil.which("openssl") is None:
        pytest.skip("TLS is not tested: no openssl is installed to make a certificate with")
    certfile, keyfile = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    subprocess.run([*make, "-out", certfile, "-keyout", keyfile], check=True, capture_output=True)
    with dashboard(
        store, password=PASSWORD, certfile=str(certfile), keyfile=str(keyfile)
    ) as running:
        assert running.url.startswith("https://")
        assert "; Secure" in log_in(running, PASSWORD).headers["Set-Cookie"]
        assert running.ask("GET", "/api/studies", headers=BEARER).status == 200


@pytest.mark.parametrize(
    "begun",
    [
        "POST /api/studies HTTP/1.1\r\nHost: {host}\r\nX-Slow: ",
        "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 30\r\n\r\npassword=",
        "POST /logout HTTP/1.1\r\nHost: {host}\r\nContent-Length: 30\r\n\r\n",
        "POST /api/studies HTTP/1.1\r\nHost: {host}\r\nContent-Length: 30\r\n\r\n{{",
        "PUT /api/studies/1/note HTTP/1.1\r\nHost: {host}\r\nContent-Length: 30\r\n\r\n{{",
        "DELETE /api/studies/1 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 30\r\n\r\n{{",
        "GET /api/studies HTTP/1.1\r\nHost: {host}\r\nContent-Length: 30\r\n\r\n{{",
        "POST /nowhere HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n",
    ],
    ids=["headers", "login", "logout", "new study", "note", "delete", "GET", "chunked"],
)
@pytest.mark.parametrize("password", [False, True], ids=["open", "with a password"])
def test_clients_that_stall_do_not_keep_others_waiting(
    opened: Dashboard, locked: Dashboard, begun: str, password: bool
) -> None:
    """Eight half-sent bodies were enough to hang everything, without the password."""
    running = locked if password else opened
    with ExitStack() as stack:
        for _ in range(30):
            stalled = socket.create_connection(("127.0.0.1", running.port))
            stack.enter_context(stalled)
            stalled.sendall(begun.format(host=running.host).encode())
        assert running.ask("GET", "/api/studies", headers=BEARER).status == 200
        assert running.get("/login").status == (200 if password else 404)


def test_clients_that_take_nothing_do_not_keep_others_waiting(opened: Dashboard) -> None:
    """An answer of megabytes waits for its client in memory, not in a thread."""
    question = f"GET /static/bundle.js HTTP/1.1\r\nHost: {opened.host}\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(30):
            stalled = socket.socket()
            stack.enter_context(stalled)
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.connect(("127.0.0.1", opened.port))
            stalled.sendall(question.encode())
        assert opened.get("/api/studies").status == 200


def test_a_note_of_fifty_megabytes_is_refused(opened: Dashboard) -> None:
    """Before it reaches anything that would read it; the connection stays good."""
    note = json.dumps({"body": "x" * (50 << 20), "version": 1})
    answer = opened.ask("PUT", "/api/studies/1/note", body=note, headers=JSON)
    assert (answer.status, "at most" in answer.json()["reason"]) == (413, True)
    assert opened.get("/api/studies/1?after=0").json()["note"]["body"] == ""


def test_a_body_in_chunks_is_understood(opened: Dashboard) -> None:
    """Bottle would look for the chunks once more."""
    connection = opened.connect()
    body = json.dumps({"study_name": "in chunks", "directions": ["minimize"]}).encode()
    pieces = (body[i : i + 7] for i in range(0, len(body), 7))
    connection.request("POST", "/api/studies", pieces, JSON, encode_chunked=True)
    assert connection.getresponse().status == 201
    connection.close()


@pytest.mark.parametrize("path", ["/", "/incompatible-rdb-schema", "//", "/dashboard"])
def test_what_a_proxy_might_say_is_not_believed(opened: Dashboard, path: str) -> None:
    """A redirect leads to where the browser is, whatever host somebody has forwarded."""
    answer = opened.get(path, X_Forwarded_Host="evil.example", X_Forwarded_Proto="gopher")
    assert answer.status in (200, 302)
    told = answer.headers.as_string().encode() + answer.body
    assert b"evil.example" not in told
    assert b"gopher" not in told


def test_a_connection_is_kept_between_polls(opened: Dashboard) -> None:
    """It is not opened anew each time."""
    connection = opened.connect()
    connection.connect()
    first = connection.sock
    for _ in range(2):
        connection.request("GET", "/api/studies")
        connection.getresponse().read()
    assert connection.sock is first
    connection.close()


def test_an_address_that_others_reach_needs_a_password(store: str) -> None:
    """Without one nothing is served."""
    with pytest.raises(UserError, match=r"Expected a password .* host 0\.0\.0\.0 without one"):
        serve(get_storage(store), host="0.0.0.0", port=0)


def test_a_password_that_crosses_the_network_in_the_clear_is_warned_of(
    store: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Once, and not on the loopback address."""
    with dashboard(store, host="0.0.0.0", password=PASSWORD):
        pass
    with dashboard(store, password=PASSWORD):
        pass
    told = [line for line in capfd.readouterr().err.splitlines() if "Warning" in line]
    assert len(told) == 1
    assert "listening on 0.0.0.0 without TLS" in told[0]


def test_a_password_must_not_be_short(store: str) -> None:
    """Nothing is served."""
    with pytest.raises(UserError, match="at least 8 characters"):
        serve(get_storage(store), host="0.0.0.0", port=0, password="short")


def test_a_port_that_is_taken_is_one_line(store: str, opened: Dashboard) -> None:
    """With address and port."""
    with pytest.raises(UserError, match=rf"listen on 127\.0\.0\.1:{opened.port}\. .*in use"):
        serve(get_storage(store), port=opened.port)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": 70000}, "Expected a port from 0 .* Received: 70000"),
        ({"host": "nowhere.invalid", "password": PASSWORD}, "listen on nowhere.invalid:0"),
        ({"keyfile": Path("key.pem")}, "Expected a certificate for the private key key.pem"),
        ({"certfile": Path("missing.pem")}, "missing.pem .No such file"),
        ({"certfile": Path(__file__)}, "Expected a certificate and its private key in PEM"),
    ],
)
def test_options_that_cannot_be_used_are_one_line(
    store: str, options: dict[str, object], message: str
) -> None:
    """Ports, hosts and certificates."""
    with pytest.raises(UserError, match=message) as error:
        serve(get_storage(store), **{"port": 0, **options})  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_what_optuna_fails_on_shows_no_traceback(opened: Dashboard) -> None:
    """Nor does one reach standard output: `dashboard` looks there when it ends."""
    answer = opened.get("/artifacts/999/abc")
    assert (answer.status, b"Traceback" in answer.body) == (404, False)
