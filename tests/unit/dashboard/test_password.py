"""Where the password comes from, and that it is never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuner.dashboard.password import VARIABLE, find_password
from tuner.errors import UserError


@pytest.fixture(autouse=True)
def _no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_there_is_none_unless_one_is_given() -> None:
    """By file or environment."""
    assert find_password() is None


def test_the_environment_gives_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is."""
    monkeypatch.setenv(VARIABLE, "correct horse")
    assert find_password() == "correct horse"


def test_a_file_gives_its_first_line_and_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the end of the line."""
    monkeypatch.setenv(VARIABLE, "something else")
    file = tmp_path / "password"
    file.write_text("correct horse\r\nnot this\n")
    assert find_password(file) == "correct horse"


@pytest.mark.parametrize("password", ["", "short"])
def test_a_short_one_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    """Only its length is told."""
    monkeypatch.setenv(VARIABLE, password)
    with pytest.raises(UserError, match=rf"at least 8 .* {VARIABLE}.* {len(password)} ") as error:
        find_password()
    assert not password or password not in str(error.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    """One that does not exist or is no text."""
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=r"Expected a password on the first line of"):
        find_password(file)


def test_a_pipe_that_nobody_writes_to_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that somebody writes to is read, as shells hand over the output of a program."""
    monkeypatch.setattr("tuner.dashboard.password.WAIT", 0.1)
    pipe = tmp_path / "password"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="nobody writes to"):
        find_password(pipe)
    writing = os.open(pipe, os.O_RDWR)
    os.write(writing, b"correct horse\n")
    assert find_password(pipe) == "correct horse"
    os.close(writing)


def test_a_device_without_end_is_refused() -> None:
    """A password is not read from a file that never ends."""
    with pytest.raises(UserError, match="10,000 characters or more"):
        find_password(Path("/dev/zero"))
