"""The layers around the dashboard, each around an application that says what reached it."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from tuner.dashboard.compression import Compression
from tuner.dashboard.guard import Guard
from tuner.dashboard.headers import SecurityHeaders
from tuner.dashboard.hosts import Hosts
from tuner.dashboard.restrictions import ReadOnly, Restrictions

HOST = "localhost:8080"
DATA = b'{"number": 1234567890}' * 100


def inner(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response(
        "200 OK",
        [("Content-Type", "application/json"), ("Access-Control-Allow-Origin", "*")],
    )
    return [DATA]


def ask(
    app: WSGIApplication, method: str, path: str, **environ: str
) -> tuple[int, dict[str, str], bytes]:
    """Returns status, headers and body. The path is given as its bytes in Latin-1."""
    answer: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], _exc_info: Any = None, /) -> Any:
        answer[:] = [int(status[:3]), dict(headers)]

    full: WSGIEnvironment = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_HOST": HOST,
        "wsgi.input": io.BytesIO(),
        **environ,
    }
    body = b"".join(app(full, start))
    return answer[0], answer[1], body


@pytest.mark.parametrize(
    ("expected", "headers"),
    [
        (200, {}),
        (200, {"HTTP_ORIGIN": f"http://{HOST}"}),
        (200, {"HTTP_ORIGIN": f"https://{HOST}", "HTTP_SEC_FETCH_SITE": "same-origin"}),
        (403, {"HTTP_ORIGIN": "http://evil.example"}),
        (403, {"HTTP_ORIGIN": "http://localhost:9999"}),
        (403, {"HTTP_ORIGIN": f"http://{HOST}.evil.example"}),
        (403, {"HTTP_ORIGIN": "null"}),
        (403, {"HTTP_ORIGIN": ""}),
        (403, {"HTTP_ORIGIN": "http://[broken"}),
        (403, {"HTTP_SEC_FETCH_SITE": "cross-site"}),
        (403, {"HTTP_SEC_FETCH_SITE": "same-site"}),
        (403, {"HTTP_ORIGIN": f"http://{HOST}", "HTTP_SEC_FETCH_SITE": "cross-site"}),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "OPTIONS", "post"])
def test_a_write_must_come_from_our_own_page(
    expected: int, headers: dict[str, str], method: str
) -> None:
    guard = Guard(inner, Hosts.of("127.0.0.1", 8080))
    assert ask(guard, method, "/api/studies", **headers)[0] == expected


def test_a_link_from_another_website_may_be_followed() -> None:
    guard = Guard(inner, Hosts.of("127.0.0.1", 8080))
    assert ask(guard, "GET", "/", HTTP_SEC_FETCH_SITE="cross-site")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/incompatible-rdb-schema",
        "/incompatible-rdb-schema/",
        "//incompatible-rdb-schema//",
        "/api/studies/1/rename",
        "/api/studies/1/rename/",
        "/api/studies/-1/rename",
        "/api/trials/7/tell",
    ],
)
@pytest.mark.parametrize("method", ["POST", "post", "PUT"])
def test_what_would_harm_a_study_is_refused_with_a_reason(path: str, method: str) -> None:
    status, _, body = ask(Restrictions(inner), method, path)
    assert status == 403
    assert body.count(b".") >= 1
    assert DATA not in body


def test_a_path_that_bottle_would_read_as_another_is_refused() -> None:
    """Bottle drops bytes that are no UTF-8 and then finds the route."""
    guard = Guard(Restrictions(inner), Hosts.of("127.0.0.1", 8080))
    assert ask(guard, "POST", "/api/studies/1/rename\xff")[0] == 400


def test_other_writes_pass() -> None:
    assert ask(Restrictions(inner), "PUT", "/api/studies/1/note")[0] == 200


def test_read_only_lets_reads_through_and_no_write() -> None:
    app = ReadOnly(inner)
    assert [ask(app, method, "/")[0] for method in ("GET", "HEAD")] == [200, 200]
    assert {ask(app, method, "/")[0] for method in ("POST", "PUT", "DELETE", "PATCH", "x")} == {403}


def test_no_website_may_read_an_answer() -> None:
    _, headers, _ = ask(SecurityHeaders(inner), "GET", "/")
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/artifacts/1/2/abc", "//artifacts/1/2/abc"])
def test_an_artifact_is_sandboxed(path: str) -> None:
    _, headers, _ = ask(SecurityHeaders(inner), "GET", path)
    assert headers["Content-Security-Policy"].startswith("sandbox;")


def test_json_is_compressed_for_those_who_accept_it() -> None:
    app = Compression(inner)
    _, headers, body = ask(app, "GET", "/", HTTP_ACCEPT_ENCODING="br, gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert int(headers["Content-Length"]) == len(body) < len(DATA) / 5
    assert gzip.decompress(body) == DATA
    _, headers, body = ask(app, "GET", "/")
    assert "Content-Encoding" not in headers
    assert body == DATA


def test_what_the_browser_has_already_is_not_sent_again() -> None:
    app = Compression(inner)
    _, headers, _ = ask(app, "GET", "/", HTTP_ACCEPT_ENCODING="gzip")
    status, _, body = ask(app, "GET", "/", HTTP_IF_NONE_MATCH=headers["ETag"])
    assert (status, body) == (304, b"")
    status, _, body = ask(app, "GET", "/", HTTP_IF_NONE_MATCH='W/"another"')
    assert (status, body) == (200, DATA)
