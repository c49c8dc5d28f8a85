"""What commands print, for people and as JSON, and what they change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from storage import studies, workers
from storage.errors import StoreError
from storage.files.artifacts import Artifacts
from storage.trials import ended
from tests.support.terminal import Terminal
from tests.support.trials import WORKER, begin, complete, enter, fail, report
from tests.support.typed import Typed
from tests.unit.cli.conftest import Launched
from tuner.cli.common_options import Duration, More, Size, Workers

COUNTS = {"complete", "pruned", "failed", "running", "waiting", "resting", "unstarted"}


@pytest.fixture
def worked(launched: Launched) -> Launched:
    """One complete, one failed and one running trial; one not started."""
    store, study = launched.store, launched.study
    enter(store, study)
    complete(store, begin(store, study, units_0=64), [0.5, 0.25, 0.75], model="/m.keras")
    fail(store, begin(store, study))
    report(store, begin(store, study), [0.9, float("nan")])
    return launched


def test_status_as_json(worked: Launched, tuner: Typed):
    """The keys that others rely on."""
    status = tuner.json("status", "mlp-digits")
    assert (status["study"], status["state"], status["budget"]) == ("mlp-digits", "running", 4)
    assert set(status["trials"]) == COUNTS
    assert status["trials"] == dict.fromkeys(COUNTS, 0) | {
        "complete": 1, "failed": 1, "running": 1, "unstarted": 1,
    }  # fmt: skip
    assert (status["best"]["number"], status["best"]["value"]) == (0, 0.25)
    assert status["best"]["params"]["units_0"] == 64
    (worker,) = status["workers"]
    assert (worker["state"], worker["trial"], worker["epoch"]) == ("alive", 2, 2)


def test_status_tells_what_files_take(launched: Launched, tuner: Typed):
    """By kind, as text and as JSON."""
    artifacts = Artifacts(launched.study.spec["artifacts"], launched.study)
    artifacts.save("models/a.keras", lambda path: path.write_bytes(b"x" * 1500) and None)
    assert tuner.json("status", "mlp-digits")["files"] == {"models": {"files": 1, "size": 1500}}
    assert "Files: 1.5 kB (models 1.5 kB in 1 file)" in tuner("status", "mlp-digits").stdout


def test_trials_as_json(worked: Launched, tuner: Typed):
    """One element a trial, whatever its state; its value is the lowest one."""
    first, second, third = tuner.json("trials", "mlp-digits")
    assert (first["number"], first["state"], first["value"]) == (0, "complete", 0.25)
    assert (first["epochs"], first["seconds"], first["worker"]) == (3, 1.5, WORKER)
    assert first["params"] == {"learning_rate": 0.01, "units_0": 64}
    assert first["failure"] is None
    assert (second["state"], second["value"]) == ("failed", None)
    assert (second["failure"]["kind"], second["failure"]["message"]) == ("error", "boom")
    assert (third["state"], third["value"], third["epochs"]) == ("running", 0.9, 2)


def test_best_as_json(worked: Launched, tuner: Typed):
    """Hyperparameters, scores on validation and test data, and the model's file."""
    best = tuner.json("best", "mlp-digits")
    assert (best["number"], best["value"], best["model"]) == (0, 0.25, "/m.keras")
    assert best["metrics"] == {"val_loss": 0.25, "test_loss": 0.35, "test_accuracy": 0.9}


def test_list_as_json(worked: Launched, tuner: Typed):
    """Every study with how far it is."""
    (study,) = tuner.json("list")
    assert (study["study"], study["state"], study["trials"]["failed"]) == (
        "mlp-digits",
        "running",
        1,
    )


def test_watching_as_json_prints_a_line_for_each_change(worked: Launched, tuner: Typed):
    """And ends with the study."""
    tuner("stop", "mlp-digits")
    result = tuner("status", "mlp-digits", "--watch", "--json")
    assert len(result.stdout.splitlines()) == 1
    assert '"state": "stopped"' in result.stdout


@pytest.mark.parametrize("columns", [60, 160])
def test_tables_fit_the_terminal(
    worked: Launched, tuner: Typed, monkeypatch: pytest.MonkeyPatch, columns: int
):
    """Numbers are never cut."""
    monkeypatch.setenv("COLUMNS", str(columns))
    for words in (("status", "mlp-digits"), ("trials", "mlp-digits"), ("best", "mlp-digits"),
                  ("list",), ("spaces",), ("spaces", "mlp"), ("datasets",)):  # fmt: skip
        shown = tuner(*words).stdout
        assert shown
        assert max(map(len, shown.splitlines())) <= columns, shown
    assert (
        "    0  complete   0.25       3  1.5 s  learning_rate="
        in tuner("trials", "mlp-digits").stdout
    )


@pytest.mark.parametrize(
    ("command", "state"), [("pause", "paused"), ("stop", "stopped"), ("resume", "running")]
)
def test_states(launched: Launched, tuner: Typed, command: str, state: str):
    """They are in the store when the command returns."""
    assert tuner.json(command, "mlp-digits")["state"] == state
    assert studies.load(launched.store, "mlp-digits").state == state


@pytest.mark.parametrize(("typed", "budget"), [("+50", 54), ("50", 54)])
def test_extend(launched: Launched, tuner: Typed, typed: str, budget: int):
    """A plus sign changes nothing."""
    assert tuner.json("extend", "mlp-digits", "--trials", typed)["budget"] == budget


def test_delete_takes_the_files_along(launched: Launched, tuner: Typed):
    """Study and folder are gone."""
    folder = Path(launched.study.spec["artifacts"]) / launched.study.uuid
    assert folder.is_dir()
    assert tuner("delete", "mlp-digits", "--yes").exit_code == 0
    assert tuner.json("list") == []
    assert not folder.exists()


def test_files_that_stay_are_told(
    launched: Launched, tuner: Typed, monkeypatch: pytest.MonkeyPatch
):
    """The study is deleted all the same."""

    def stuck(self: Artifacts) -> None:
        raise OSError("read-only file system")

    monkeypatch.setattr(Artifacts, "remove_all", stuck)
    result = tuner("delete", "mlp-digits", "--yes")
    assert result.exit_code == 0
    assert "read-only" in result.stderr
    assert studies.find(launched.store, "mlp-digits") is None


def test_a_worker_of_a_finished_study_shows_its_result(launched: Launched, tuner: Typed):
    """Nothing is started."""
    for loss in (0.4, 0.3, 0.2, 0.1):
        complete(launched.store, begin(launched.store, launched.study), [loss])
    result = tuner("worker", "mlp-digits")
    assert result.exit_code == 0
    assert "Best: trial 3" in result.stdout
    assert workers.list_workers(launched.store, launched.study) == []


def test_spaces_can_be_tried_with_overrides(tuner: Typed):
    """What `--set` makes of a space is seen before a study is made."""
    space = tuner.json("spaces", "mlp", "--set", "units=32..64:16")
    ranges = {row["name"]: row["range"] for row in space["parameters"]}
    assert ranges["units_0"] == "32..64:16"
    assert tuner.json("spaces")[0]["name"] == "mlp"


def test_a_space_of_the_users_is_loaded_in_silence(tmp_path: Path):
    """Whatever its file prints, and on whatever level."""
    (tmp_path / "net.py").write_text(
        "import os\nfrom search_spaces import Int, SearchSpace\n"
        "print('hello')\nos.write(1, b'hello')\nos.write(2, b'hello')\n"
        "class Net(SearchSpace):\n    width = Int(1, 9)\n    def build(self, *_): ...\n"
    )
    shown = Terminal(tmp_path)("spaces", "net.py:Net", "--json")
    assert json.loads(shown.stdout)["name"] == "net"
    assert shown.stderr == ""


def test_datasets_are_listed_and_described(tuner: Typed):
    """Digits is among them."""
    assert "digits" in [row["name"] for row in tuner.json("datasets")]
    assert tuner.json("datasets", "digits")["rows"] == 1797


def test_upgrade_of_new_tables_changes_nothing(launched: Launched, tuner: Typed):
    """Before and after are the same revision."""
    revisions = tuner.json("upgrade")
    assert revisions["before"] == revisions["after"]


def test_upgrade_refuses_a_database_without_studies(tuner: Typed):
    """It would make tables that nobody asked for."""
    (tuner.folder / "empty.db").touch()
    result = tuner("upgrade", "--storage", "sqlite:///empty.db")
    assert (result.exit_code, "launch a study first" in result.stderr) == (2, True)


def test_the_store_is_taken_from_the_environment(tuner: Typed, monkeypatch: pytest.MonkeyPatch):
    """As workers are given it."""
    monkeypatch.setenv("TUNER_STORAGE", "sqlite:///absent.db")
    assert "absent.db" in tuner("list").stderr


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172800), ("0.5s", 0.5), ("45", 45)],
)
def test_durations(text: str, seconds: float):
    """A unit or several; seconds without one."""
    assert Duration().convert(text, None, None) == seconds


def test_trials_that_ended_are_found_by_time(worked: Launched):
    """The last ones, oldest first, also those that ended at that very moment."""
    store, study = worked.store, worked.study
    first, second = ended(store, study, count=5)
    assert (first.number, second.number) == (0, 1)
    assert [t.number for t in ended(store, study, count=1)] == [1]
    assert second.ended_at is not None
    assert [t.number for t in ended(store, study, since=second.ended_at, count=5)][-1] == 1


def test_a_missing_file_is_not_made(tuner: Typed):
    """Opening for reading never makes a SQLite file."""
    from storage.database.engine import open_store

    with pytest.raises(StoreError, match="no file"):
        open_store("sqlite:///absent.db", create=False)
    assert list(tuner.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("500MB", 500 * 10**6), ("1.5 gb", 1_500_000_000), ("2K", 2000)],
)
def test_amounts_of_memory_take_a_unit(text: str, size: int) -> None:
    """Memory is typed as people say it, and counted in bytes."""
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "0", "much", "2XB", "-1GB"])
def test_an_amount_of_memory_that_makes_no_sense_is_refused(text: str) -> None:
    """Each is told on one line, with an example."""
    with pytest.raises(click.BadParameter, match="such as 500MB"):
        Size().convert(text, None, None)


@pytest.mark.parametrize("kind", [Duration(), More(), Size(), Workers()])
@pytest.mark.parametrize("digits", [400, 5000])
def test_numbers_of_thousands_of_digits_are_refused(kind: click.ParamType[Any], digits: int):
    """Python turns no text that long into a whole number, nor an infinite one into bytes."""
    with pytest.raises(click.BadParameter, match=r"999\.\.\.999") as caught:
        kind.convert("9" * digits, None, None)
    assert len(caught.value.message) < 200
