"""KerasTuner's ``hp`` beside the real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import SpaceError, catalog
from search_spaces.keras_tuner.hyperparameters import HyperParameters
from search_spaces.parameters.parameter import Parameter

pytestmark = pytest.mark.keras


@pytest.fixture(scope="module")
def kt() -> Any:
    """The real package, which imports TensorFlow."""
    return pytest.importorskip("keras_tuner")


def defaults() -> HyperParameters:
    """Hyperparameters that all have their defaults."""
    return HyperParameters(lambda _, parameter: parameter.default)


def asks(hp: Any) -> list[Any]:
    """Everything that a ``build(hp)`` may ask for; returns what it is told."""
    answers = [
        hp.Int("layers", 1, 3),
        hp.Int("units", 16, 64, step=16, default=32),
        hp.Int("batch", 2, 32, step=2, sampling="log"),
        hp.Int("log", 1, 1000, sampling="log", default=10),
        hp.Int("reverse", 1, 100, sampling="reverse_log"),
        hp.Int("too_large_a_step", 1, 3, step=7),
        hp.Float("rate", 0, 0.5, step=0.1),
        hp.Float("learning_rate", 1e-4, 1e-2, sampling="LOG"),
        hp.Float("plain", 0.25, 1, sampling=None),
        hp.Choice("activation", ["relu", "tanh"]),
        hp.Choice("sizes", [8, 4], default=4),
        hp.Boolean("dropout"),
        hp.Boolean("bias", default=True),
        hp.Fixed("seed", 7),
        hp.get("units"),
        hp["layers"],
        "units" in hp,
        "nothing" in hp,
    ]
    with hp.conditional_scope("activation", ["relu"]):
        answers += [hp.Float("slope", 0.1, 0.3), "slope" in hp]
        answers.append(hp.Int("inner", 1, 3))
        with hp.conditional_scope("inner", [2, 3]):
            answers += [hp.Int("deep", 1, 2), "deep" in hp]
    with hp.conditional_scope("activation", "tanh"):
        answers += [hp.Float("scale", 1.0, 2.0), hp.Choice("unheard", ["a"])]
    answers += [hp.Int("child", 1, 9, parent_name="dropout", parent_values=[True])]
    answers += [hp.Int("heir", 1, 9, parent_name="bias", parent_values=True)]
    with hp.name_scope("encoder"):
        answers += [hp.Int("units", 1, 5), hp.get("units"), "layers" in hp]
        with hp.name_scope("head"):
            answers += [hp.Choice("kind", [1.5, 2.5])]
    for i in range(hp.get("layers")):
        answers.append(hp.Int(f"units_{i}", 8, 16))
    return [*answers, hp.Int("units", 1, 2)]  # asked twice: the value stays


def test_it_answers_as_keras_tuner_does(kt: Any) -> None:
    """Defaults, steps, scopes and conditions, values by name: laid beside the real package."""
    real = kt.HyperParameters()
    ours = defaults()
    assert asks(ours) == asks(real)
    assert ours.values == real.values
    assert [ours.is_active(name) for name in ("slope", "deep", "scale")] == [
        real.is_active(name) for name in ("slope", "deep", "scale")
    ]


@pytest.mark.parametrize(
    "ask",
    [
        lambda hp: hp.get("nothing"),
        lambda hp: hp.Int("n", 0, 8, sampling="log", step=2),
        lambda hp: hp.Int("n", 1, 8, sampling="log", step=1),
        lambda hp: hp.Int("n", 1, 8, sampling="even"),
        lambda hp: hp.Int("n", 1, 8, parent_name="nothing", parent_values=[1]),
        lambda hp: (hp.Boolean("off"), hp.Int("n", 1, 8, parent_name="off", parent_values=[True]),
                    hp.get("n")),
    ],
)  # fmt: skip
def test_it_refuses_what_keras_tuner_refuses(kt: Any, ask: Callable[[Any], Any]) -> None:
    """With an error of the same class."""
    real = kt.HyperParameters()
    with pytest.raises((KeyError, ValueError)) as theirs:
        ask(real)
    with pytest.raises(theirs.type):
        ask(defaults())


@given(
    low=st.integers(1, 50),
    width=st.integers(0, 2000),
    step=st.one_of(st.none(), st.integers(2, 40)),
    sampling=st.sampled_from(["linear", "log", "reverse_log"]),
)
def test_a_range_has_the_values_of_keras_tuner(
    kt: Any, low: int, width: int, step: int | None, sampling: str
) -> None:
    """Every value that its sampler can draw lies in our range, and with a step no other does."""
    real = kt.HyperParameters()
    real.Int("n", low, low + width, step=step, sampling=sampling)
    (theirs,) = real.space
    # KerasTuner can draw one more than max_value where sampling is reverse_log.
    drawn = {min(theirs.prob_to_value(i / 200), low + width) for i in range(200)}
    seen: list[Parameter] = []
    HyperParameters(lambda _, parameter: seen.append(parameter)).Int(
        "n", low, low + width, step=step, sampling=sampling
    )
    (ours,) = seen
    assert all(ours.contains(value) for value in drawn)
    if step is not None:
        listed = {ours.at(i / 5000) for i in range(5000)}
        assert listed == {theirs.prob_to_value(i / 5000) for i in range(5000)}


def test_a_file_that_searches_when_it_is_loaded_is_refused(kt: Any, tmp_path: Path) -> None:
    """Nothing is trained with the real package; afterwards it searches again."""
    file = tmp_path / "hyper.py"
    file.write_text(
        "import keras_tuner as kt\n"
        "def build(hp): hp.Int('units', 1, 2)\n"
        f"tuner = kt.RandomSearch(build, 'val_loss', max_trials=1, directory={str(tmp_path)!r})\n"
        "tuner.search([[0]], [0])\n"
    )
    search = kt.Tuner.search
    with pytest.raises(SpaceError, match=r"search\(\): remove it, put it below if __name__"):
        catalog.load(f"{file}:build")
    assert kt.Tuner.search is search
