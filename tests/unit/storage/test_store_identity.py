"""Which store a folder of files belongs to: stores are copied, moved and of other versions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import studies
from storage.database import origin
from storage.database.engine import Store, open_store
from storage.database.origin import Origin
from storage.database.store_identity import MARKER
from storage.errors import StoreError
from storage.files.artifacts import Artifacts
from storage.studies import Study
from tests.support.stores import make


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{path.as_posix()}")) as store:
        yield store


def artifacts_in(store: Store, place: Path) -> Artifacts:
    return Artifacts(str(place), studies.load(store, "study"))


@pytest.fixture
def study(store: Store, tmp_path: Path) -> Study:
    """A study with its folder in `files`."""
    made = make(store)
    Artifacts(str(tmp_path / "files"), made).mark()
    return made


@given(study=st.text(), store=st.text(), place=st.text(), host=st.text())
def test_a_marker_names_its_store(study: str, store: str, place: str, host: str):
    """Whatever the study is called."""
    made = Origin(store=store, place=place, host=host)
    assert origin.read(made.write(study)) == made
    assert origin.read(f"{study}\n") is None  # as the first version wrote it


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mlp-digits\n",
        "[]",
        "null",
        "7",
        '{"format": 3}',
        '{"format": 2}',
        "{",
        "\0",
        "[" * 9999,
    ],
)
def test_a_marker_of_another_version_names_none(text: str):
    """A marker whose format is not ours tells no store, so that nothing is removed by it."""
    assert origin.read(text) is None


def test_a_marker_with_other_types_names_none():
    """A marker with values of wrong types tells no store."""
    told = {"format": 2, "store": 1, "place": None, "host": []}
    assert origin.read(json.dumps(told)) is None


def test_the_store_that_made_a_folder_knows_it(store: Store, study: Study, tmp_path: Path):
    """Opened again, too; its first line of use is not asked for more."""
    with opened(Path(store.url.database or "")) as again:
        mine = artifacts_in(again, tmp_path / "files")
        mine.check()
        assert (mine.is_certainly_ours(), mine.may_be_ours()) == (True, True)


def test_a_copied_store_has_no_part_in_the_files(store: Store, study: Study, tmp_path: Path):
    """It has the same studies and the same UUID, and is another file."""
    store.close()
    shutil.copy(store.url.database or "", tmp_path / "copy.db")
    with opened(tmp_path / "copy.db") as copy:
        theirs = artifacts_in(copy, tmp_path / "files")
        assert (theirs.is_certainly_ours(), theirs.may_be_ours()) == (False, False)
        with pytest.raises(StoreError, match=r"^Expected [^\n]+store\.db[^\n]+copy[^\n]+$"):
            theirs.check()
        with pytest.raises(StoreError):
            theirs.remove_all()
        theirs.mark()
    assert artifacts_in(store, tmp_path / "files").is_certainly_ours()


def test_a_moved_store_keeps_its_files(store: Store, study: Study, tmp_path: Path):
    """Also where another store was made at its old place."""
    old, new = Path(store.url.database or ""), tmp_path / "new.db"
    store.close()
    for name in tmp_path.glob("store.db*"):
        name.rename(tmp_path / name.name.replace("store", "new"))
    for _ in range(2):
        with opened(new) as moved:
            mine = artifacts_in(moved, tmp_path / "files")
            mine.check()
            assert (mine.is_certainly_ours(), mine.may_be_ours()) == (True, True)
        with opened(old) as another:
            assert studies.list_studies(another) == []


def test_a_store_on_another_machine_may_be_a_copy(
    store: Store, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """At the same path: a container, or a copy. It works, but does not remove what it finds."""
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    with opened(Path(store.url.database or "")) as there:
        mine = artifacts_in(there, tmp_path / "files")
        mine.check()
        assert (mine.is_certainly_ours(), mine.may_be_ours()) == (False, True)


@pytest.mark.parametrize("marker", ["study\n", "", '{"format": 9, "store": "x"}\n'])
def test_a_folder_of_another_version(store: Store, study: Study, tmp_path: Path, marker: str):
    """Its own study works in it and may be deleted; nothing in it is looked for."""
    folder = tmp_path / "files" / study.uuid
    (folder / MARKER).write_text(marker)
    mine = artifacts_in(store, tmp_path / "files")
    mine.check()
    assert (mine.is_certainly_ours(), mine.may_be_ours()) == (False, True)
    mine.remove_all()
    assert not folder.exists()


def test_a_folder_without_a_marker_stays(store: Store, study: Study, tmp_path: Path):
    """Somebody may have changed where the study's files lie."""
    folder = tmp_path / "files" / study.uuid
    (folder / MARKER).rename(folder / "other.txt")
    with pytest.raises(StoreError):
        artifacts_in(store, tmp_path / "files").remove_all()
    assert (folder / "other.txt").exists()


def test_servers_say_which_database_they_are(postgresql_url: str):
    """So that one that was copied within a server is another one."""
    with closing(open_store(postgresql_url)) as store:
        mine = make(store).origin
    with closing(open_store(postgresql_url)) as store:
        assert studies.load(store, "study").origin == mine
    assert mine is not None
    assert mine.place.startswith("postgresql:")
    assert "@" in mine.place
    assert mine.host == ""
