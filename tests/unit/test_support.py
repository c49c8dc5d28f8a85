"""The helpers that other tests trust find what they must find."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings

from tests.support.documents import ci_lines, shown_commands
from tests.support.sources import imported, imported_on_import

PAGE = """
Type `tuner list` or keep a `tuner.db`; the tuner itself is not a command.

<!-- ci: start -->
```bash
cd here && .venv/bin/tuner launch mlp --trials 20 # tuner not
tuner status \\
    --json | less
```
"""


def test_shown_commands_are_found_in_code_alone():
    """In code that begins with the program's name, on one line or several."""
    assert sorted(shown_commands(PAGE)) == [
        ["launch", "mlp", "--trials", "20"],
        ["list"],
        ["status", "--json"],
    ]


def test_the_lines_of_ci_are_found_by_their_marker():
    """Each by its name."""
    assert ci_lines("<!-- ci: start -->\n```bash\ntuner list\n```\n") == {"start": "tuner list\n"}


def test_imports_inside_functions_count_as_late(tmp_path: Path):
    """And those for type checkers; those of a class body do not."""
    source = tmp_path / "module.py"
    source.write_text(
        "import os.path\n"
        "if TYPE_CHECKING:\n    import pandas\n"
        "def build():\n    from keras import layers\n"
        "class Late:\n    import numpy\n"
    )
    assert imported(source) == {"os", "pandas", "keras", "numpy"}
    assert imported_on_import(source) == {"os", "numpy"}


def test_hypothesis_asks_nobody_how_fast_the_machine_is():
    """Neither a deadline nor a health check of the time fails a test on a busy machine."""
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
