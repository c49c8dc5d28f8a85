"""Every benchmark still runs: each as small as can be, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import refuse
from tests.support import warm
from tests.support.browser import program
from tests.support.servers import DatabaseServer, Unavailable
from tests.support.sources import ROOT

pytestmark = [pytest.mark.keras, pytest.mark.slow]

FOLDER = ROOT / "benchmarks"
PARTS = {  # of the files that are no benchmark themselves
    "__init__", "contenders", "sets", "storing", "studies",
}  # fmt: skip
SEEN = {  # what each prints once it has measured something
    "chaos": ["trials           4 (4 complete)", "double runs      0"],
    "checkpoints": ["2 x 128 units", "3 x 512 units", "by the processor"],
    "feeding": ["in memory", "tf.data"],
    "memory": ["after    4 trials"],
    "torment": ["rounds of terminations", "worker processes       1 of 1"],
    "training --parts mixed,epochs": ["keras-tuner", "an epoch against its matrix products"],
    "training --parts memory,workers": ["real workers", "after   4 trials"],
    "training --parts start": ["launch to the first epoch"],
    "samplers --samplers tpe,gp+past,forest": ["tpe", "gp+past", "forest", "made up"],
    "families --only jordan": ["jordan", "1 complete of 1"],
    "learning_curves": ["digits: 2 curves"],
    "schedulers": ["digits", "asha-promotion (paper)", "hyperband"],
}


def smoke(line: str, folder: Path, **environment: str) -> str:
    """What a benchmark prints."""
    name, *words = line.split()
    ended = warm.run(
        [sys.executable, "-P", "-m", f"benchmarks.{name}", "--smoke", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_none_is_forgotten():
    """Each file of the folder is a benchmark with a test here, or a part of one."""
    tested = {line.partition(" ")[0] for line in (*SEEN, "store", "dashboard")}
    assert {path.stem for path in FOLDER.glob("*.py")} - PARTS == tested


@pytest.mark.parametrize("line", SEEN)
def test_it_runs(line: str, tmp_path: Path):
    """From its options to the figures that it prints."""
    said = smoke(line, tmp_path)
    missing = [words for words in SEEN[line] if words not in said]
    assert not missing, said


def test_store(postgresql_server: DatabaseServer, tmp_path: Path):
    """Both databases are measured, on the server that the tests have anyway."""
    url = postgresql_server.admin_url.render_as_string(hide_password=False)
    said = smoke("store", tmp_path, TEST_DATABASE_URL=url)
    for kind in ("sqlite", "postgresql"):
        assert f"Case(store='{kind}', finished=3, dead=2, processes=1) measured" in said


def test_dashboard(tmp_path: Path):
    """Our dashboard and the stock one answer their pages; Chromium draws where there is one."""
    try:
        program()
    except Unavailable as e:
        refuse(f"the benchmark of the dashboard is not tested: {e}", required=False)
    said = smoke("dashboard", tmp_path)
    assert "and trial 0 never does" in said
    assert "curves drawn after" in said
