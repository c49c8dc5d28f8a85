"""What a stranger does with a model's file: Keras is installed, and nothing of this project."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support import warm

ALONE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tuner", "search_spaces", "storage", "tests"):
            raise ImportError(f"{name} is not for strangers")
assert not {"tuner", "search_spaces", "storage"} & set(sys.modules)
sys.meta_path.insert(0, Refuse())
"""


def run_without_project(code: str, *words: str | Path, folder: Path) -> str:
    """Runs code in a process that cannot import this project; returns what it prints.

    Args:
        words: For ``sys.argv[1:]``.
        folder: Where it runs.
    """
    command = [sys.executable, "-I", "-c", ALONE + code, *map(str, words)]
    ended = warm.run(command, cwd=folder, text=True)
    assert ended.returncode == 0, ended.stderr
    return str(ended.stdout)
