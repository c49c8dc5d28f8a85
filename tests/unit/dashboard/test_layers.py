"""The layers around the dashboard, each around an application that says what reached it."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from tests.support.asgi import HOST, client
from tuner.dashboard import request_body
from tuner.dashboard.canonical_paths import LARGEST, Canonical, canonical
from tuner.dashboard.csrf import OwnPagesOnly
from tuner.dashboard.entity_tags import EntityTags
from tuner.dashboard.hosts import Hosts
from tuner.dashboard.request_body import BodyLimits
from tuner.dashboard.route_policy import RoutePolicy
from tuner.dashboard.security_headers import SecurityHeaders

DATA = b'{"number": 1234567890}' * 100
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


async def answer(request: Request) -> Response:
    """Whatever was asked for."""
    await request.body()
    headers = {"Access-Control-Allow-Origin": "*", "X-Path": ascii(request.scope["path"])}
    return Response(DATA, media_type="application/json", headers=headers)


inner = Starlette(routes=[Route("/{rest:path}", answer, methods=METHODS)])


def ask(app: ASGIApp, method: str, path: str, **more: Any) -> httpx.Response:
    with client(app) as opened:
        return opened.request(method, path, **more)


@pytest.mark.parametrize(
    ("expected", "headers"),
    [
        (200, {}),
        (200, {"Origin": f"http://{HOST}"}),
        (200, {"Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}),
        (403, {"Origin": "http://evil.example"}),
        (403, {"Origin": "http://localhost:9999"}),
        (403, {"Origin": f"http://{HOST}.evil.example"}),
        (403, {"Origin": "null"}),
        (403, {"Origin": ""}),
        (403, {"Origin": "http://[broken"}),
        (403, {"Sec-Fetch-Site": "cross-site"}),
        (403, {"Sec-Fetch-Site": "same-site"}),
        (403, {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "cross-site"}),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "OPTIONS"])
def test_a_write_must_come_from_our_own_page(
    expected: int, headers: dict[str, str], method: str
) -> None:
    """Whoever's browser it is."""
    app = OwnPagesOnly(inner, Hosts.of("127.0.0.1", 8080))
    assert ask(app, method, "/api/studies", headers=headers).status_code == expected


def test_a_link_from_another_website_may_be_followed() -> None:
    """It changes nothing."""
    app = OwnPagesOnly(inner, Hosts.of("127.0.0.1", 8080))
    assert ask(app, "GET", "/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/incompatible-rdb-schema",
        "/incompatible-rdb-schema/",
        "//incompatible-rdb-schema//",
        "/api/studies/1/rename",
        "/api/studies/001/rename/",
        "/api/studies/%D9%A1/rename",
        "/api/trials/7/tell",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_would_harm_a_study_is_refused_with_a_reason(path: str, method: str) -> None:
    """However its path is spelt."""
    refused = ask(Canonical(RoutePolicy(inner)), method, f"http://{HOST}{path}")
    assert refused.status_code == 403
    assert refused.text.count(".") >= 1


@pytest.mark.parametrize(
    "path", ["/api/studies/-1/rename", "/api/studies/99999999999", "/csv/" + "9" * 5000]
)
def test_numbers_that_no_study_has_lead_nowhere(path: str) -> None:
    """Least of all to an error in a database."""
    assert ask(Canonical(inner), "POST", path).status_code == 404


def test_other_writes_pass() -> None:
    """A note is one."""
    assert ask(RoutePolicy(inner), "PUT", "/api/studies/1/note").status_code == 200


def test_read_only_lets_reads_through_and_no_write() -> None:
    """Logging in and out writes nothing to the store."""
    app = RoutePolicy(inner, read_only=True)
    assert [ask(app, method, "/").status_code for method in ("GET", "HEAD")] == [200, 200]
    assert {ask(app, method, "/").status_code for method in METHODS[2:]} == {403}
    assert ask(app, "POST", "/login").status_code == 200


@given(st.text())
def test_a_path_is_read_once(path: str) -> None:
    """What all layers see does not change when it is read again."""
    once = canonical(path)
    assert once is None or canonical(once) == once
    assert once is None or once.startswith("/")


@given(st.integers(0, LARGEST), st.text(alphabet="0٠०", max_size=12))
def test_a_number_is_one_number_however_it_is_written(number: int, zeros: str) -> None:
    """Zeros in front, and those of other scripts, are zeros to Bottle too."""
    assert canonical(f"/api/studies/{zeros}{number}/note/") == f"/api/studies/{number}/note"


def test_what_only_a_proxy_could_say_is_forgotten() -> None:
    """Anybody can say it, and Bottle believes it."""
    seen: list[dict[str, str]] = []

    async def note(request: Request) -> Response:
        seen.append(dict(request.headers))
        return JSONResponse({})

    app = Canonical(Starlette(routes=[Route("/", note)]))
    names = ("X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For", "Forwarded")
    ask(app, "GET", "/", headers=dict.fromkeys(names, "evil.example"))
    assert "evil.example" not in seen[0].values()
    assert seen[0]["host"] == HOST


def test_no_website_may_read_an_answer() -> None:
    """Not even an artifact, which optuna-dashboard gives to all of them."""
    headers = ask(SecurityHeaders(inner), "GET", "/").headers
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/artifacts/1/2/abc", "//artifacts/1/2/abc"])
def test_an_artifact_is_sandboxed(path: str) -> None:
    """It comes from whoever could run a trial."""
    headers = ask(Canonical(SecurityHeaders(inner)), "GET", f"http://{HOST}{path}").headers
    assert headers["Content-Security-Policy"].startswith("sandbox;")


def test_json_is_compressed_for_those_who_accept_it() -> None:
    """With its length."""
    app = GZipMiddleware(EntityTags(inner))
    with (
        client(app) as opened,
        opened.stream("GET", "/", headers={"Accept-Encoding": "br, gzip"}) as packed,
    ):
        body = b"".join(packed.iter_raw())
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(body) < len(DATA) / 5
    assert gzip.decompress(body) == DATA
    plain = ask(app, "GET", "/")
    assert "Content-Encoding" not in plain.headers
    assert plain.content == DATA


def test_what_the_browser_has_already_is_not_sent_again() -> None:
    """Whether it had it compressed or not."""
    app = GZipMiddleware(EntityTags(inner))
    tag = ask(app, "GET", "/", headers={"Accept-Encoding": "gzip"}).headers["ETag"]
    known = ask(app, "GET", "/", headers={"If-None-Match": tag})
    assert (known.status_code, known.content) == (304, b"")
    other = ask(app, "GET", "/", headers={"If-None-Match": 'W/"another"'})
    assert (other.status_code, other.content) == (200, DATA)


@pytest.mark.parametrize(
    ("path", "size", "expected"),
    [
        ("/api/studies/1/note", request_body.LARGEST, 200),
        ("/api/studies/1/note", request_body.LARGEST + 1, 413),
        ("/login", 50 << 20, 413),
        ("/api/artifacts/1/2", request_body.LARGEST + 1, 413),
    ],
)
def test_a_body_has_a_size(path: str, size: int, expected: int) -> None:
    """Whatever it is for; it is not kept on the way."""
    assert ask(BodyLimits(inner), "POST", path, content=bytes(size)).status_code == expected


def test_an_upload_may_be_larger() -> None:
    """Where uploads are taken at all."""
    app = BodyLimits(inner, uploads=True)
    body = bytes(request_body.LARGEST + 1)
    assert ask(app, "POST", "/api/artifacts/1/2", content=body).status_code == 200
    assert ask(app, "POST", "/api/studies", content=body).status_code == 413


def test_a_body_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reason is one line."""
    monkeypatch.setattr(request_body, "SECONDS", 0.01)
    sent: list[Message] = []

    async def receive() -> Message:
        if sent or receive_calls:
            await asyncio.Event().wait()  # nothing more ever comes
        receive_calls.append(1)
        return {"type": "http.request", "body": b"half", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    receive_calls: list[int] = []
    scope = {"type": "http", "method": "POST", "path": "/api/studies", "headers": []}
    scope |= {"query_string": b"", "root_path": ""}
    asyncio.run(BodyLimits(inner)(scope, receive, send))
    assert sent[0]["status"] == 408


def test_a_client_that_has_gone_is_no_error() -> None:
    """Nobody is left to tell."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}

    async def body(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.disconnect"

    asyncio.run(BodyLimits(body)(scope, receive, send))
    assert sent == []
