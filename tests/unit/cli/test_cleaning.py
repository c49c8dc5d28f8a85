"""What `tuner gc` removes, and what it leaves alone."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest

from storage import leases, studies, trials
from storage.database.engine import open_store
from storage.database.store_identity import MARKER
from storage.files.artifacts import Artifacts
from storage.files.scratch import PREFIX
from storage.leases import Checkpoint
from tests.support.trials import begin, complete, enter
from tests.unit.cli.conftest import Launched, Typed

OTHERS = "8c5e3c3e-0000-4000-8000-000000000000"
HOURS = 7200.0  # seconds: what is older than one may go


@pytest.fixture(autouse=True)
def moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's place for temporary files, and a cache of its own."""
    (tmp_path / "moments").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "moments"))
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "moments"


def age(folder: Path, seconds: float = HOURS) -> None:
    """Lets everything in a folder be as old."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (time.time() - seconds,) * 2, follow_symlinks=False)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def launch(tuner: Typed, store: str, name: str) -> None:
    words = ("launch", "mlp", "--data", "digits", "--workers", "0", "--study", name)
    result = tuner(*words, "--storage", store)
    assert result.exit_code == 0, result.stderr


def put(launched: Launched, name: str) -> str:
    artifacts = Artifacts(launched.study.spec["artifacts"], launched.study)
    return artifacts.save(name, lambda path: path.write_bytes(b"bytes") and None).path


def forget(store: str, name: str) -> str:
    """Deletes a study and leaves its files, as Optuna does; returns its UUID."""
    opened = open_store(store)
    study = studies.load(opened, name)
    studies.delete(opened, study)
    opened.close()
    return study.uuid


def test_two_stores_may_share_a_folder(tuner: Typed):
    """Each removes its own deleted study, and nothing of the other one's."""
    for name in ("a", "b", "gone"):
        launch(tuner, f"sqlite:///{name[0]}.db" if name != "gone" else "sqlite:///a.db", name)
    folder = tuner.folder / "tuner-artifacts"
    gone = forget("sqlite:///a.db", "gone")
    age(folder)
    before = files(folder)
    told = tuner("gc", "--storage", "sqlite:///b.db")
    assert "0 files removed." in told.stdout
    assert (
        "Left alone, as this store did not make them, or not on this machine: 2 folders."
        in told.stdout
    )
    assert files(folder) == before
    assert tuner.json("gc", "--storage", "sqlite:///a.db")["removed"] == [str(folder / gone)]
    assert files(folder) == [name for name in before if not name.startswith(gone)]


def test_nothing_is_removed_for_a_copied_store(tuner: Typed):
    """The original has gone on: new studies and new models are not the copy's."""
    launch(tuner, "sqlite:///a.db", "before")
    shutil.copy("a.db", "copy.db")
    launch(tuner, "sqlite:///a.db", "after")
    opened = open_store("sqlite:///a.db")
    put(Launched(opened, studies.load(opened, "before")), "models/new.keras")
    opened.close()
    folder = tuner.folder / "tuner-artifacts"
    forget("sqlite:///copy.db", "before")
    age(folder)
    before = files(folder)
    assert len(before) == 3
    assert tuner.json("gc", "--storage", "sqlite:///copy.db")["removed"] == []
    assert files(folder) == before


def test_a_copied_store_deletes_no_files(tuner: Typed):
    """They are the original's; that is said."""
    launch(tuner, "sqlite:///a.db", "study")
    shutil.copy("a.db", "copy.db")
    result = tuner("delete", "study", "--yes", "--storage", "sqlite:///copy.db")
    assert (result.exit_code, "could not be removed" in result.stderr) == (0, True)
    assert len(files(tuner.folder / "tuner-artifacts")) == 1


@pytest.mark.parametrize("marker", ["mlp-digits\n", '{"format": 3, "store": "x"}\n', ""])
def test_what_an_unknown_version_made_stays(launched: Launched, tuner: Typed, marker: str):
    """Its folders, and what lies in one of a study that is known."""
    put(launched, "models/stray.keras")
    base = tuner.folder / "tuner-artifacts"
    for name in (OTHERS, launched.study.uuid):
        (base / name).mkdir(exist_ok=True)
        (base / name / MARKER).write_text(marker)
    age(base)
    before = files(base)
    answer = tuner.json("gc")
    assert (answer["removed"], answer["spared"]) == ([], [str(base / OTHERS)])
    assert files(base) == before


def test_a_folder_that_is_no_studys_stays(launched: Launched, tuner: Typed):
    """Named like a study, or without a marker, or a link to somewhere else."""
    base = tuner.folder / "tuner-artifacts"
    marker = (base / launched.study.uuid / MARKER).read_text()
    (base / "mlp-digits").mkdir()
    (base / "mlp-digits" / MARKER).write_text(marker)
    (base / OTHERS).mkdir()
    (base / OTHERS / "model.keras").touch()
    (tuner.folder / "outside").mkdir()
    (tuner.folder / "outside" / MARKER).write_text(marker)
    (base / OTHERS.replace("8", "9")).symlink_to(tuner.folder / "outside")
    age(base)
    before = files(base), files(tuner.folder / "outside")
    assert tuner.json("gc")["removed"] == []
    assert (files(base), files(tuner.folder / "outside")) == before


def test_a_folder_in_which_anything_is_young_stays(tuner: Typed):
    """Its marker is old: somebody works there all the same."""
    launch(tuner, "sqlite:///tuner.db", "gone")
    folder = tuner.folder / "tuner-artifacts" / forget("sqlite:///tuner.db", "gone")
    age(folder)
    (folder / "model.keras").touch()
    words = ("gc", "--artifacts", "tuner-artifacts", "--artifacts", str(folder.parent))
    assert tuner.json(*words)["removed"] == []
    age(folder)
    assert tuner.json(*words)["removed"] == [str(folder)]


def test_strays_go_and_what_trials_point_to_stays(launched: Launched, tuner: Typed, moments: Path):
    """Files without a row, drafts and folders of killed processes; a young one of each stays."""
    store, study = launched.store, launched.study
    enter(store, study)
    model, checkpoint = put(launched, "models/best.keras"), put(launched, "checkpoints/c.npz")
    complete(store, begin(store, study), [0.5], model=model)
    kept = Checkpoint(path=checkpoint, sha256="", epoch=1)
    leases.keep_checkpoints(store, begin(store, study), [kept])
    stray = put(launched, "models/stray.keras")
    root = Path(study.spec["artifacts"]) / study.uuid
    places = (root / "drafts", moments, root.parent / "data")
    expected = {stray}
    for place in places:
        (place / f"{PREFIX}old").mkdir(parents=True)
        (place / f"{PREFIX}old" / "half.keras").touch()
        expected.add(str(place / f"{PREFIX}old"))
    age(tuner.folder)
    young = [put(launched, "models/young.keras"), *(str(p / f"{PREFIX}new") for p in places)]
    for path in young[1:]:
        Path(path).mkdir()
    assert set(tuner.json("gc", "--dry-run")["removed"]) == expected
    assert all(map(os.path.exists, expected))
    assert set(tuner.json("gc")["removed"]) == expected
    assert not any(map(os.path.exists, expected))
    assert all(map(os.path.exists, [model, checkpoint, *young]))


def test_rows_that_point_elsewhere_change_nothing(launched: Launched, tuner: Typed):
    """Whoever may write to the store has no other file removed."""
    secret = tuner.folder / "secret"
    secret.write_text("not yours")
    store, study = launched.store, launched.study
    enter(store, study)
    claim = begin(store, study)
    complete(store, claim, [0.5], model=str(secret))
    age(tuner.folder)
    tuner("gc")
    artifacts = Artifacts(study.spec["artifacts"], study)
    artifacts.remove([trial.model or "" for trial in trials.with_model(store, study)])
    assert "does not lie in the study's folder" in tuner("export", "mlp-digits", "a.keras").stderr
    assert secret.read_text() == "not yours"
    assert not (tuner.folder / "a.keras").exists()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever types sits at a terminal."""
    stdin = click.testing._NamedTextIOWrapper
    monkeypatch.setattr(stdin, "isatty", lambda _: True, raising=False)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("typed", "words"), [("y\n", ()), (None, ("--yes",))])
def test_at_a_terminal_it_asks_once(
    launched: Launched, tuner: Typed, typed: str | None, words: tuple[str, ...]
):
    """With what would go; `--yes` has answered before."""
    stray = put(launched, "models/stray.keras")
    age(tuner.folder)
    refused = tuner("gc", typed="n\n")
    assert (refused.exit_code, stray in refused.stderr) == (1, True)
    assert "Remove 1 file? [y/N]" in refused.stderr
    assert Path(stray).exists()
    assert tuner("gc", *words, typed=typed).exit_code == 0
    assert not Path(stray).exists()


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("prepare", [lambda tuner: None, lambda tuner: age(tuner.folder)])
def test_where_nothing_goes_nothing_is_asked(
    launched: Launched, tuner: Typed, prepare: Callable[[Typed], None]
):
    """`gc` removes without a question where there is nothing to remove."""
    prepare(tuner)
    assert tuner("gc").stdout == "0 files removed.\n"
    assert tuner("gc", "--dry-run").stdout == "0 files would be removed.\n"
