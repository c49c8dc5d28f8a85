"""`tuner dashboard` shows the studies of a store."""

from __future__ import annotations

import json
import signal
import urllib.request
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.engine import open_store
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
        output, _ = process.communicate(timeout=30)
    assert [study["study_name"] for study in studies] == ["mlp-iris"]
    assert "Traceback" not in output


@pytest.mark.parametrize("joined", [True, False])
def test_the_stores_password_is_not_in_the_process_list(
    tmp_path: Path, postgresql_url: str, joined: bool
):
    """However it was typed; a dashboard runs for weeks."""
    address = sa.make_url(postgresql_url)
    address = address.set(password=address.password or "secret-of-the-store")
    text = address.render_as_string(hide_password=False)
    open_store(postgresql_url).close()
    tuner = Terminal(tmp_path, environment={"PYTHONUNBUFFERED": "1"})
    words = (f"--storage={text}",) if joined else ("--storage", text)
    with tuner.started("dashboard", *words, "--port", "0") as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        with urllib.request.urlopen(f"{url}api/studies") as answer:
            assert json.load(answer) == {"study_summaries": []}
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert b"dashboard" in shown
    assert b"storage" not in shown
    assert str(address.password).encode() not in shown
