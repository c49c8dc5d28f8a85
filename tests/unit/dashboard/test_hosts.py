"""Which Host headers a dashboard answers to."""

from __future__ import annotations

import socket

import pytest

from tuner.dashboard.hosts import Hosts, is_loopback


@pytest.mark.parametrize(
    "header", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080"]
)
def test_a_loopback_dashboard_answers_to_its_own_names(header: str) -> None:
    """With its port, in any case."""
    assert Hosts.of("127.0.0.1", 8080).include(header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "localhost",
        "localhost:8081",
        "evil.example:8080",
        "localhost.evil.example:8080",
        "localhost:8080.evil.example",
        "localhost:8080@evil.example",
        "192.0.2.7:8080",
        "0.0.0.0:8080",
    ],
)
def test_a_loopback_dashboard_answers_to_nothing_else(header: str) -> None:
    """Against DNS rebinding, where another name leads to this machine."""
    assert not Hosts.of("127.0.0.1", 8080).include(header)


@pytest.mark.parametrize("header", ["localhost", "127.0.0.1:80"])
def test_the_port_that_browsers_leave_out_may_be_missing(header: str) -> None:
    """Port 80."""
    assert Hosts.of("localhost", 80).include(header)


@pytest.mark.parametrize("header", ["192.0.2.7:8080", "192.0.2.7", "[2001:db8::1]:8080"])
def test_every_address_is_fine_for_a_dashboard_that_others_reach(header: str) -> None:
    """A hostile page needs a name to pose as the dashboard, and an address is none."""
    assert Hosts.of("0.0.0.0", 8080).include(header)


def test_a_dashboard_that_others_reach_answers_to_the_name_of_its_machine_only() -> None:
    """Not to any name."""
    hosts = Hosts.of("0.0.0.0", 8080)
    assert hosts.include(f"{socket.gethostname()}:8080")
    assert not hosts.include("evil.example:8080")


def test_further_names_count_as_given_and_with_the_port() -> None:
    """With another port only if it was given with it."""
    hosts = Hosts.of("127.0.0.1", 8080, ["Tuner.example", "localhost:9000"])
    for header in ("tuner.example", "tuner.example:8080", "localhost:9000"):
        assert hosts.include(header)
    assert not hosts.include("tuner.example:9000")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.7", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    """Every address that is local, and no other."""
    assert is_loopback(host) is expected
