"""`tuner dashboard` shows the studies of a store."""

from __future__ import annotations

import json
import signal
import urllib.request
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.database.engine import open_store
from tests.support import warm
from tests.support.polling import poll
from tests.support.process_family import process_family
from tests.support.terminal import Terminal


def test_studies_are_served(tmp_path: Path):
    """Its first line names the address; Ctrl-C ends it without a fuss."""
    tuner = Terminal(tmp_path, environment={"PYTHONUNBUFFERED": "1"})
    tuner.json("launch", "mlp", "--data", "iris", "--workers", "0")
    with tuner.started("dashboard", "--port", "0") as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        with urllib.request.urlopen(f"{url}api/studies") as answer:
            studies = json.load(answer)["study_summaries"]
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert [study["study_name"] for study in studies] == ["mlp-iris"]
    assert "Traceback" not in output


COMMANDS = {
    "dashboard": ("dashboard", "--port", "0"),
    "launch": ("launch", "train.py:objective", "--trials", "50", "--workers", "1"),
}
# Lasts until the worker is told to end, and does not import TensorFlow.
CODE = """
import itertools, time

def objective(trial):
    for step in itertools.count():
        trial.report(trial.suggest_float("rate", 0, 1), step)
        time.sleep(0.05)
"""


@pytest.mark.parametrize(("command", "joined"), [("dashboard", True), ("launch", False)])
def test_the_stores_password_is_not_in_the_process_list(
    tmp_path: Path, postgresql_url: str, command: str, joined: bool
):
    """However it was typed, in the command's own process and in those that it starts."""
    address = sa.make_url(postgresql_url)
    address = address.set(password=address.password or "secret-of-the-store")
    text = address.render_as_string(hide_password=False)
    open_store(postgresql_url).close()
    (tmp_path / "train.py").write_text(CODE)
    processes = 2 if command == "launch" else 1
    tuner = Terminal(tmp_path, environment={"PYTHONUNBUFFERED": "1"}, popen=warm.ColdPopen)
    words = (f"--storage={text}",) if joined else ("--storage", text)
    with tuner.started(*COMMANDS[command], *words) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(("Dashboard: ", "Study train: "))
        poll(lambda: len(process_family(process.pid)) == processes)
        shown = [command_line(pid) for pid in process_family(process.pid)]
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert command.encode() in shown[0]
    assert len(shown) == processes
    assert str(address.password).encode() not in b"".join(shown)
    assert str(address.password) not in output
    assert "Traceback" not in output


def command_line(pid: int) -> bytes:
    """As the process list shows it."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()
