"""`tuner dashboard` shows the studies of a store."""

from __future__ import annotations

import json
import signal
import urllib.request
from pathlib import Path

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
