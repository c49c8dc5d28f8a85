"""Whatever path stands in a row: what is opened or removed lies in the study's folder."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from storage.files import containment

NAMES = ("..", ".", "", "models", "away", "back", "a.keras", "secret", "leak", "root", "files", "~")
SPELLED = st.lists(st.sampled_from(NAMES), max_size=8).map("/".join)
BEGINS = st.sampled_from(["{root}/", "{root}", "{root}/../", "{above}/", "/", "", "file://{root}/"])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links out of it, into it, and to a file beside it."""
    above = tmp_path_factory.mktemp("above")
    root = above / "root"
    (root / "models").mkdir(parents=True)
    for path in (
        root / "models" / "a.keras",
        root / "a.keras",
        above / "secret",
        above / "a.keras",
    ):
        path.touch()
    (root / "away").symlink_to(above)
    (root / "models" / "back").symlink_to(root)
    (root / "leak").symlink_to(above / "secret")
    return root


@given(begin=BEGINS, spelled=SPELLED)
def test_a_path_leads_nowhere_else(root: Path, begin: str, spelled: str):
    """Links, dots and protocols among them."""
    path = begin.format(root=root, above=root.parent) + spelled
    with suppress(OSError):
        found = containment.file(LocalFileSystem(), str(root), path)
        assert os.path.realpath(found).startswith(f"{root}/")
    with suppress(OSError):
        found = containment.entry(LocalFileSystem(), str(root), path)
        parent, name = os.path.split(found)
        assert f"{os.path.realpath(parent)}/".startswith(f"{root}/")
        assert name not in ("", ".", "..")


@given(begin=BEGINS, spelled=SPELLED)
def test_a_path_leads_nowhere_else_where_there_are_no_links(begin: str, spelled: str):
    """As text, for nobody knows what a server makes of dots."""
    path = begin.format(root="memory://above/root", above="memory://above") + spelled
    with suppress(OSError):
        found = containment.file(MemoryFileSystem(), "/above/root", path)
        assert found.startswith("/above/root/")
        assert {"", ".", ".."}.isdisjoint(found.removeprefix("/above/root/").split("/"))


@pytest.mark.parametrize("path", ["models/a.keras", "a.keras", "models/back/a.keras"])
def test_what_lies_inside_is_found(root: Path, path: str):
    """A path within the folder is opened, also through a link that leads back inside."""
    found = containment.file(LocalFileSystem(), str(root), f"{root}/{path}")
    assert os.path.samefile(found, root / path)
