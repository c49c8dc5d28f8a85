"""Trials as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from storage.database.engine import Store
from tests.support import study_history
from tests.support.typed import Typed, refused


def test_every_trial_is_a_line_with_real_values(typed: Typed, store: Store):
    """On standard output nothing else is printed."""
    study_history.make(store, trials=20)
    result = typed("trials", "past", "--csv")
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["number"] for row in rows] == [str(i) for i in range(20)]
    assert {row["params_batch_size"] for row in rows} <= {"16", "32", "64", "128"}
    assert rows[13]["failure"] == "diverged"
    assert rows[13]["metrics_val_loss"] == ""
    assert float(rows[0]["value"]) == float(rows[0]["metrics_val_loss"])


def test_a_file_is_written_once(typed: Typed, store: Store):
    """And not at all where JSON was asked for too."""
    study_history.make(store, trials=3)
    assert typed("trials", "past", "--csv", "t.csv").stdout == "Trials: t.csv\n"
    assert len(Path("t.csv").read_text().splitlines()) == 4
    assert "--force" in refused(typed("trials", "past", "--csv", "t.csv"))
    assert "at once" in refused(typed("trials", "past", "--csv", "u.csv", "--json"))
