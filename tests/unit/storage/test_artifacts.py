"""What lies outside of a study's folder is neither opened, written nor removed."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from storage.database.engine import Store
from storage.errors import StoreError
from storage.files import scratch
from storage.files.artifacts import Artifacts, DamagedFile
from storage.files.containment import OutsideFolder
from storage.studies import Study
from tests.support.sources import ROOT
from tests.support.stores import make

MODEL = b"the bytes of a model"


@pytest.fixture
def study(store: Store) -> Study:
    return make(store)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder for files, beside a secret."""
    (tmp_path / "secret").write_bytes(b"not yours")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"not yours")
    return tmp_path / "files"


@pytest.fixture
def artifacts(place: Path, study: Study) -> Artifacts:
    made = Artifacts(str(place), study)
    made.mark()
    return made


@pytest.fixture
def memory() -> Iterator[str]:
    """A folder of no machine's, with a secret beside those of studies."""
    base = f"memory://{uuid.uuid4()}"
    filesystem, root = fsspec.url_to_fs(base)
    filesystem.pipe_file(f"{root}/secret", b"not yours")
    yield base
    filesystem.rm(root, recursive=True)


def put(artifacts: Artifacts, name: str = "models/a.keras", content: bytes = MODEL) -> str:
    return artifacts.save(name, lambda path: path.write_bytes(content) and None).path


def read(artifacts: Artifacts, path: str, sha256: str | None = None) -> bytes:
    with artifacts.local(path, sha256) as copy:
        return copy.read_bytes()


def test_a_file_is_read_as_it_was_saved(artifacts: Artifacts):
    """Its checksum is that of its bytes; another one is told."""
    saved = artifacts.save("models/a.keras", lambda path: path.write_bytes(MODEL) and None)
    assert (saved.sha256, saved.size) == (hashlib.sha256(MODEL).hexdigest(), len(MODEL))
    assert read(artifacts, saved.path, saved.sha256) == MODEL
    Path(saved.path).write_bytes(MODEL[:-1] + b"L")
    with pytest.raises(DamagedFile):
        read(artifacts, saved.path, saved.sha256)


@pytest.mark.parametrize("scheme", ["", "file://", "local://"])
def test_a_folder_may_be_named_as_a_url(place: Path, study: Study, scheme: str):
    """Of this machine, too."""
    artifacts = Artifacts(f"{scheme}{place}", study)
    artifacts.mark()
    assert read(artifacts, put(artifacts)) == MODEL
    assert Path(put(artifacts)).is_file()


def wrong_paths(place: Path, study: Study) -> list[str]:
    root, secret = f"{place}/{study.uuid}", f"{place.parent}/secret"
    return [
        secret,
        f"file://{secret}",
        f"local:{secret}",
        f"{root}/../../secret",
        f"{root}/models/../../../secret",
        f"{root}/models//../../../secret",
        f"{root}-other/secret",
        f"{place}/secret",
        os.path.relpath(secret),
        "~/secret",
        root,
        f"{root}/",
        f"{root}/.",
        f"{root}/models/..",
        "",
        "/",
        "\0",
        f"{root}/models/\0",
        f"{root}/\0/a.keras",
        "http://127.0.0.1:9/secret",
        "memory://secret",
        f"simplecache::file://{secret}",
    ]


def test_paths_that_lead_out_of_the_folder(artifacts: Artifacts, place: Path, study: Study):
    """Whatever a row of the store says, in any spelling."""
    put(artifacts)
    for folder in (f"{study.uuid}-other", "."):
        (place / folder).mkdir(exist_ok=True)
        (place / folder / "secret").write_bytes(b"not yours")
    before = sorted(place.parent.rglob("*"))
    for path in wrong_paths(place, study):
        with pytest.raises(OutsideFolder):
            read(artifacts, path)
        artifacts.remove([path])
    assert sorted(place.parent.rglob("*")) == before


def test_paths_that_lead_out_of_a_remote_folder(memory: str, study: Study):
    """Also where there are no links."""
    artifacts = Artifacts(memory, study)
    artifacts.mark()
    artifacts.check()
    path = put(artifacts)
    assert read(artifacts, path) == MODEL
    root = f"{memory}/{study.uuid}"
    for wrong in (f"{memory}/secret", f"{root}/../secret", f"{root}/models/../../secret", root):
        with pytest.raises(OutsideFolder):
            read(artifacts, wrong)
        artifacts.remove([wrong])
    filesystem, inside = fsspec.url_to_fs(memory)
    assert filesystem.cat_file(f"{inside}/secret") == b"not yours"
    artifacts.remove([path])
    assert artifacts.files(older_than=0.0) == []


def test_a_link_to_a_file_outside(artifacts: Artifacts, place: Path, study: Study):
    """It is not followed; removed, the link goes and the file stays."""
    put(artifacts)
    link, secret = place / study.uuid / "models" / "b.keras", place.parent / "secret"
    link.symlink_to(secret)
    with pytest.raises(OutsideFolder):
        read(artifacts, str(link))
    artifacts.remove([str(link)])
    assert (link.is_symlink(), secret.read_bytes()) == (False, b"not yours")


def test_a_link_within_the_folder_is_followed(artifacts: Artifacts, place: Path, study: Study):
    """A link from a study's folder into itself is read."""
    path = put(artifacts)
    link = place / study.uuid / "models" / "b.keras"
    link.symlink_to(path)
    assert read(artifacts, str(link)) == MODEL


@pytest.mark.parametrize("name", ["models", "drafts"])
def test_a_folder_inside_that_leads_outside(
    artifacts: Artifacts, place: Path, study: Study, name: str
):
    """Nothing is read, listed, written or removed there."""
    outside = place.parent / "outside"
    (place / study.uuid / name).symlink_to(outside)
    path = f"{place}/{study.uuid}/{name}/secret"
    with pytest.raises(OutsideFolder):
        read(artifacts, path)
    with pytest.raises(OutsideFolder):
        put(artifacts)
    artifacts.remove([path, *artifacts.named(f"{name}/se"), *artifacts.files(older_than=0.0)])
    scratch.remove(artifacts.drafts(older_than=0.0))
    assert [file.name for file in outside.iterdir()] == ["secret"]


def test_a_folder_that_leads_outside_itself(place: Path, study: Study):
    """The whole folder is a link: neither marked, written, listed nor removed."""
    place.mkdir()
    outside = place.parent / "outside"
    (place / study.uuid).symlink_to(outside)
    artifacts = Artifacts(str(place), study)
    with pytest.raises(StoreError, match="--artifacts"):
        artifacts.mark()
    with pytest.raises(OutsideFolder):
        read(artifacts, f"{place}/{study.uuid}/secret")
    with pytest.raises(OutsideFolder):
        put(artifacts, "a.keras")
    with pytest.raises(StoreError):
        artifacts.remove_all()
    assert (artifacts.files(older_than=0.0), artifacts.usage()) == ([], {})
    assert [file.name for file in outside.iterdir()] == ["secret"]


def test_a_place_that_is_a_link_is_the_users_choice(place: Path, study: Study):
    """A larger disk, say."""
    place.mkdir()
    elsewhere = place.parent / "link"
    elsewhere.symlink_to(place)
    artifacts = Artifacts(str(elsewhere), study)
    artifacts.mark()
    artifacts.check()
    assert read(artifacts, put(artifacts)) == MODEL


def test_a_pipe_is_no_file(artifacts: Artifacts, place: Path, study: Study):
    """Whoever opened it would wait for ever."""
    os.mkfifo(place / study.uuid / "pipe")
    with pytest.raises(OutsideFolder, match="is no file"):
        read(artifacts, f"{place}/{study.uuid}/pipe")


@pytest.mark.parametrize("name", ["", ".", "..", "../outside", "etc", "A" * 36])
def test_a_study_whose_folder_has_no_uuid(place: Path, study: Study, name: str):
    """Its row was changed by somebody else."""
    with pytest.raises(StoreError, match="UUID"):
        Artifacts(str(place), dataclasses.replace(study, uuid=name))


def test_a_name_with_stars_and_brackets_is_a_name(place: Path, study: Study):
    """Not a pattern."""
    artifacts = Artifacts(f"{place}/[a]*", study)
    artifacts.mark()
    path = put(artifacts)
    assert artifacts.files(older_than=0.0) == [path]


def test_nothing_is_left_of_a_file_that_could_not_be_written(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Neither beside its target nor anywhere else."""
    (tmp_path / "moment").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "moment"))

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        artifacts.save("models/a.keras", fail)
    assert artifacts.files(older_than=0.0) == []
    assert artifacts.drafts(older_than=0.0) == []
    assert [*(tmp_path / "moment").iterdir()] == []


KILLED = """
import signal, sys
from pathlib import Path
from storage import studies
from storage.files.artifacts import Artifacts
from storage.database.engine import open_store


def write(path):
    path.write_bytes(b"half a model")
    print("half", flush=True)
    signal.pause()


store = open_store(sys.argv[1])
Artifacts(sys.argv[2], studies.load(store, "study")).save("models/a.keras", write)
"""


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_what_a_killed_process_leaves_is_known(
    store: Store, study: Study, tmp_path: Path, kind: str
):
    """A file that it was writing, beside its target or, of a remote one, on this machine."""
    moments = tmp_path / "moments"
    moments.mkdir()
    place = str(tmp_path / "files") if kind == "local" else "memory://killed"
    artifacts = Artifacts(place, study)
    artifacts.mark()
    writing = subprocess.Popen(
        [sys.executable, "-c", KILLED, store.url.render_as_string(), place],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(moments)},
    )
    assert writing.stdout is not None
    assert writing.stdout.readline() == b"half\n"
    writing.send_signal(signal.SIGKILL)
    writing.wait()
    writing.stdout.close()
    left = artifacts.drafts(older_than=0.0) + scratch.left(moments, older_than=0.0)
    assert [file.read_bytes() for folder in left for file in folder.iterdir()] == [b"half a model"]
    assert artifacts.files(older_than=0.0) == []
    assert scratch.left(moments, older_than=60.0) + artifacts.drafts(older_than=60.0) == []
    scratch.remove(left)
    assert [*moments.iterdir()] == []
    assert artifacts.drafts(older_than=0.0) == []


def test_folders_of_a_moment_that_somebody_else_made_stay(tmp_path: Path):
    """Of another name, or what is neither a file nor a folder but has our name."""
    (tmp_path / "outside").mkdir()
    (tmp_path / f"{scratch.PREFIX}link").symlink_to(tmp_path / "outside")
    os.mkfifo(tmp_path / f"{scratch.PREFIX}pipe")
    (tmp_path / "tuner-other").mkdir()
    assert scratch.left(tmp_path, older_than=0.0) == []


MAKES = """
import time
from storage.files.scratch import scratch
from tuner.resources.cores_and_gpus import output_file

with output_file() as file, scratch() as folder:
    print(file.name, folder, flush=True)
    time.sleep(600)
"""


def test_what_a_process_uses_stays_and_what_it_left_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """However long ago it wrote: a trial may do nothing but sleep for hours."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    using = subprocess.Popen(
        [sys.executable, "-c", MAKES],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert using.stdout is not None
    paths = [Path(text) for text in using.stdout.readline().split()]
    for path in paths:
        os.utime(path, (1e9, 1e9))
    assert scratch.left(older_than=3600.0) == []
    using.kill()
    using.wait()
    using.stdout.close()
    assert scratch.left(older_than=3600.0) == sorted(paths)
    scratch.remove(paths)
    assert [*tmp_path.iterdir()] == []
