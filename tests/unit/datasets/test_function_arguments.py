"""Data functions with arguments: which are searched, how they are passed, and what is cached."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search_spaces import Choice, Int
from tests.support import series
from tests.support.refusals import error_of
from tuner.datasets import DataSpec, load
from tuner.datasets.cache import load_shared
from tuner.datasets.cache_folder import FOLDER_VARIABLE
from tuner.datasets.sources.user_function import arguments, searched_arguments

FORMS = """
import functools
import numpy as np
from search_spaces import Choice, Int

window = Choice([3, 5])
x, y = np.arange(60.0).reshape(30, 2), np.arange(30.0)

def none(): return x, y
def plain(seed=0, *rest, **more): return x, y
def declared(window=Int(2, 9), seed=0): return x[:, :1] * window, y
def beside(window, *, share="all"): return x * window, y
def lists(shapes=Choice([(2, 3), (4, 5)])): return x * shapes[1] if type(shapes) is tuple else 0, y
def keyword(first, /, *, window): return x * window + first, y
def needs(length): return x, y
partial = functools.partial(keyword, 1.0)
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    (tmp_path / "forms.py").write_text(FORMS)
    return tmp_path / "forms.py"


@pytest.mark.parametrize(
    ("name", "searched"),
    [
        ("none", {}),
        ("plain", {}),
        ("declared", {"window": Int(2, 9)}),
        ("beside", {"window": Choice([3, 5])}),
        ("lists", {"shapes": Choice([(2, 3), (4, 5)])}),
        ("keyword", {"first": None, "window": Choice([3, 5])}),
        ("needs", {"length": None}),
    ],
)
def test_arguments_that_are_searched(file: Path, name: str, searched: dict[str, object]):
    """Those with a range as default or beside the function, and those without any default."""
    assert searched_arguments(f"{file}:{name}") == searched


def test_a_function_without_arguments_is_not_run_to_find_them(tmp_path: Path):
    """Loading its file may take long, and is done when its rows are read."""
    (tmp_path / "slow.py").write_text("raise SystemExit\ndef load(): ...\n")
    assert searched_arguments(f"{tmp_path / 'slow.py'}:load") == {}
    assert arguments(f"{tmp_path / 'slow.py'}:load") == ()


@pytest.mark.parametrize(
    ("name", "values", "factor"),
    [
        ("declared", {}, 6),  # the middle of its range
        ("declared", {"window": 9}, 9),
        ("beside", {"window": 5}, 5),
        ("lists", {"shapes": [4, 5]}, 5),  # a list where it was JSON meanwhile
        ("keyword", {"first": 0, "window": 3}, 3),
    ],
)
def test_values_that_are_passed(file: Path, name: str, values: dict[str, object], factor: int):
    """Those of the spec, else the default of the range; each as it was declared."""
    data = load(DataSpec(source=f"{file}:{name}", arguments=values))
    rows = np.concatenate([data.raw(part)[:, 0] for part in ("train", "validation", "test")])
    np.testing.assert_array_equal(np.sort(rows), np.arange(0, 60.0, 2) * factor)


def test_an_argument_without_a_range(file: Path):
    """The line says how to give it one."""
    assert error_of(f"{file}:needs") == (
        "Expected a range for the argument 'length' of forms.py:needs. Received none: give it one "
        "as its default, such as length=Int(12, 72) or Choice([1, 2])."
    )


def test_what_the_function_raises_names_its_arguments(file: Path):
    """Other values may work."""
    file.write_text("def load(window): raise ValueError('too long')\n")
    error = error_of(f"{file}:load", arguments={"window": 72})
    assert error.startswith("Expected forms.py:load(window=72) to return")
    assert error.endswith("Received: ValueError: too long.")


def test_specs_of_trials():
    """Their own values; other hyperparameters are no arguments; JSON keeps them."""
    spec = DataSpec(source="a.py:load", arguments={"window": 4, "share": "all"})
    of_trial = spec.of_trial({"window": 7, "units": 3})
    assert of_trial.arguments == {"window": 7, "share": "all"}
    assert DataSpec.from_dict(of_trial.to_dict()) == of_trial
    older = {name: value for name, value in spec.to_dict().items() if name != "arguments"}
    assert DataSpec.from_dict(older).arguments == {}


def test_two_combinations_are_cached_apart_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whatever their size; each is prepared by one call, with its own numbers."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    source = series.write_function(tmp_path)
    reference = load(DataSpec(source=source)).fingerprint
    series_calls = len(series.calls(tmp_path))
    for _ in range(2):
        for window in (3, 7):
            spec = DataSpec(source=source, arguments={"window": window})
            data = load_shared(spec, reference=reference)
            assert isinstance(data.train.x, np.memmap)
            assert data.inputs.shape == (window, 2)
            assert data.scaler is not None
            rows, targets = series.by_hand(window)
            inside = np.searchsorted(np.sort(targets), np.sort(data.raw_targets("test")))
            assert len(set(inside)) == len(data.test)
            back = data.validation.x * data.scaler.spread + data.scaler.centre
            errors = np.abs(rows[None] - back[:, None]).max(axis=(2, 3)).min(axis=1)
            assert errors.max() < 1e-5
    made = series.calls(tmp_path)[series_calls:]
    asked_for_raw_rows = 4
    assert len(made) == 2 + asked_for_raw_rows
    assert made.count("3 both") == made.count("7 both")


def test_cached_combinations_end_with_the_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """They are made anew for another file, and for other data of the defaults."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    source = series.write_function(tmp_path)
    spec = DataSpec(source=source, arguments={"window": 3})
    load_shared(spec, reference="one")
    load_shared(spec, reference="one")
    assert len(series.calls(tmp_path)) == 1
    load_shared(spec, reference="another")
    assert len(series.calls(tmp_path)) == 2
    path = tmp_path / "series.py"
    path.write_text(path.read_text().replace("scale=1.0", "scale=2.0"))
    data = load_shared(spec, reference="one")
    assert len(series.calls(tmp_path)) == 3
    assert np.abs(data.raw_targets("test")).max() > np.abs(series.by_hand(3)[1]).max()
