"""Addresses of databases: which are taken, and that none shows its password."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.database import url as urls
from storage.errors import StoreError


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("postgresql://h/d", "postgresql+psycopg"),
        ("postgres://h/d", "postgresql+psycopg"),
        ("postgresql+asyncpg://h/d", "postgresql+psycopg"),
        ("mysql://h/d", "mysql+pymysql"),
        ("mariadb://h/d", "mysql+pymysql"),
        ("sqlite:///tuner.db", "sqlite"),
        ("sqlite+aiosqlite:///tuner.db", "sqlite"),
    ],
)
def test_the_driver_is_ours_to_choose(text: str, driver: str):
    """Whatever driver a URL names, the one that is installed with us is used."""
    assert urls.parse(text).drivername == driver


def test_a_sqlite_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A worker that is started in another folder opens the same file."""
    monkeypatch.chdir(tmp_path)
    assert urls.parse("sqlite:///tuner.db").database == str(tmp_path / "tuner.db")


def test_a_sqlite_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The shell does not expand ~ inside a URL, so we do."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert urls.parse("sqlite:///~/tuner.db").database == str(tmp_path / "tuner.db")


@pytest.mark.parametrize(
    "text",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"],
)
def test_a_database_in_memory_is_refused(text: str):
    """Workers are processes of their own: they would each have an empty store."""
    with pytest.raises(StoreError, match="in memory"):
        urls.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "tuner.db", "oracle://h/d", "redis://h", "postgresql://h:port/d", "sqlite:////no/such/x"],
)
def test_what_is_no_address_is_refused_in_one_line(text: str):
    """A mistake in the address is the user's to mend: one line, what was expected."""
    with pytest.raises(StoreError, match=r"^Expected [^\n]+ Received[^\n]+$"):
        urls.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql//user:secret@host/d",
        "postgresql:/user:secret@host/d",
        "postgresql://user:secret@host:port/d",
        "oracle://user:secret@host/d",
        "user:secret@host/d",
    ],
)
def test_a_wrong_address_is_refused_without_its_password(text: str):
    """Not even a URL that cannot be read is repeated with its password."""
    with pytest.raises(StoreError) as refused:
        urls.parse(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("postgresql://user:secret@host/d", "secret"),
        ("postgresql://user:a%7Bb%7D%40c@host/d", "a{b}@c"),
        ("postgresql://user:a{b}c@host/d", "a{b}c"),
        ("mysql://user:p%25q@host/d", "p%q"),
    ],
)
def test_a_password_is_kept_and_not_shown(text: str, password: str):
    """The address that is shown has no password; the one for a child process has it."""
    url = urls.parse(text)
    assert url.password == password
    assert password not in urls.redact(url)
    assert "user" in urls.redact(url)
    assert urls.parse(urls.reveal(url)) == url


@pytest.mark.parametrize("key", ["password", "passwd", "sslpassword", "PassWord"])
def test_a_password_among_the_options_is_not_shown(key: str):
    """Drivers take the password as an option of the URL too."""
    url = urls.parse(f"postgresql://host/d?{key}=secret&connect_timeout=3")
    assert "secret" not in urls.redact(url)
    assert "connect_timeout=3" in urls.redact(url)
    assert "secret" in urls.reveal(url)
