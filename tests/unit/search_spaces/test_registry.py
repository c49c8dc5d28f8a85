"""Registries: ours and those of packages, loaded when they are first asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from search_spaces import SpaceError
from search_spaces.registry import Registry


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[object]:
    """One thing of ours; a package brings a good one, a broken one, and another of our name."""
    metadata = tmp_path / "outside-2.5.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 2.5\n")
    (metadata / "entry_points.txt").write_text(
        "[tuner.things]\nours = outside_good:THING\ngood = outside_good:THING\n"
        "broken = outside_lacking:THING\nwords = outside_good:WORDS\n"
        "ending = outside_ending:THING\n"
    )
    (tmp_path / "outside_good.py").write_text("THING = 7\nWORDS = 'seven'\n")
    (tmp_path / "outside_ending.py").write_text("import sys\n\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return Registry("tuner.things", {"ours": "math:pi"}, kind=int)


def test_names_are_known_before_anything_is_imported(registry: Registry[object]) -> None:
    """Ours first, then the packages' by name."""
    assert list(registry) == ["ours", "broken", "ending", "good", "words"]
    assert "good" in registry
    assert "other" not in registry
    assert "outside_good" not in sys.modules


def test_a_package_adds_but_never_replaces(registry: Registry[object]) -> None:
    """Its things know where they are from."""
    assert registry["ours"] == pytest.approx(3.14159, abs=1e-5)
    assert registry["good"] == 7
    assert (registry.package_of("ours"), registry.package_of("good")) == (None, "outside 2.5")


def test_a_package_that_cannot_be_loaded_is_named(registry: Registry[object]) -> None:
    """On one line, with what to do; the others still work."""
    with pytest.raises(SpaceError, match=r"package outside 2\.5 to offer 'broken'") as caught:
        registry["broken"]
    assert "No module named 'outside_lacking'" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 300
    assert registry["good"] == 7


def test_what_is_usable_is_found_beside_what_is_broken(registry: Registry[object]) -> None:
    """A package that is broken, of the wrong kind, or that ends the process, hides no other."""
    problems: list[str] = []
    assert [name for name, _ in registry.usable(problems)] == ["ours", "good"]
    assert len(problems) == 3
    assert "Received: SystemExit: 3" in problems[1]


def test_what_is_of_another_kind_is_refused(registry: Registry[object]) -> None:
    """When it is first asked for, with the package that has to be changed."""
    with pytest.raises(SpaceError, match=r"'words' \(tuner.things\) of outside 2.5 to be of int"):
        registry["words"]


def test_what_a_thing_refers_to_is_imported_for_it(registry: Registry[object]) -> None:
    """Ours and a package's alike; what is wrong with a package's is said with its name."""
    assert registry.resolve("ours", "math:e", float) == pytest.approx(2.71828, abs=1e-5)
    assert registry.resolve("good", "outside_good:WORDS", str) == "seven"
    with pytest.raises(SpaceError, match=r"'good' \(tuner.things\) of outside 2.5 to be of int"):
        registry.resolve("good", "outside_good:WORDS", int)
    with pytest.raises(SpaceError, match=r"outside 2\.5 to offer 'good'.*outside_absent"):
        registry.resolve("good", "outside_absent:THING", int)


def test_an_unknown_name_is_the_users_error(registry: Registry[object]) -> None:
    """A study's package may be missing here; as in any mapping, it is a KeyError too."""
    with pytest.raises(SpaceError, match=r"^Expected one of ours, .*words .*: 'other': inst"):
        registry["other"]
    assert registry.get("other") is None
