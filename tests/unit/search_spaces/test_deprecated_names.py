"""Spaces that were written before names of the public API changed."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from search_spaces import Choice, Inputs, Int, Outputs, SearchSpace, SpaceError, catalog

INPUTS, OUTPUTS = Inputs(shape=(4,)), Outputs.for_task("binary")


def old_space() -> type[SearchSpace]:
    """A class as users wrote them, with all the old names."""

    class Old(SearchSpace):
        starts = ({"units": 8},)
        takes = (("steps", "features"),)
        otherwise = "cnn"
        units = Int(0, 16, default=4, off=0)
        activation = Choice(["relu"], known=["relu", "tanh"])

        def build(self, hyperparameters: Any, inputs: Inputs, outputs: Outputs) -> Any:
            raise NotImplementedError

    return Old


def test_a_space_with_old_names_means_the_same():
    """Each of them warns and says the new one."""
    with pytest.warns(DeprecationWarning, match="is deprecated") as caught:
        space = old_space()(["activation=tanh"])
    texts = {str(warning.message) for warning in caught}
    assert "'takes' is deprecated: use 'input_axes'." in texts
    assert len(texts) == 5
    assert [point["units"] for point in space.starting_points()] == [4, 8]
    assert space.parameters["activation"].text == "tanh"
    assert space.parameters["units"].disabled_value == 0
    with pytest.raises(SpaceError, match="take cnn"):
        space.check(INPUTS)


@pytest.mark.parametrize(
    ("old", "new"),
    [("starts", "initial_points"), ("takes", "input_axes"), ("otherwise", "alternative")],
)
def test_old_attributes_can_be_read(old: str, new: str):
    """They are the new ones."""
    space = catalog.load("rnn")
    with pytest.warns(DeprecationWarning, match=f"use '{new}'"):
        assert getattr(space, old) == getattr(space, new)


def test_old_fields_of_parameters_can_be_read():
    """Of every kind of parameter."""
    activation = Choice(["relu"], allowed=["tanh"])
    with pytest.warns(DeprecationWarning, match="use 'allowed'"):
        assert activation.known == ("relu", "tanh")
    with pytest.warns(DeprecationWarning, match="use 'disabled_value'"):
        assert Int(0, 4, disabled_value=0).off == 0
    with pytest.raises(AttributeError, match="'Choice' object has no attribute 'missing'"):
        activation.missing  # noqa: B018


def test_old_methods_can_be_called_and_overridden():
    """By callers and by subclasses of before."""
    with pytest.warns(DeprecationWarning, match="use 'build_default'"):

        class Old(SearchSpace):
            def rehearse(self, inputs: Inputs, outputs: Outputs) -> Any:
                return "default"

            def build(self, hyperparameters: Any, inputs: Inputs, outputs: Outputs) -> Any:
                raise NotImplementedError

            def construct(self, *_: Any, **__: Any) -> Any:
                return "model"

    space = Old()
    assert space.build_default(INPUTS, OUTPUTS) == "default"
    trial = optuna.create_study().ask()
    with pytest.warns(DeprecationWarning, match="use 'sample_and_build'"):
        assert space.realise(trial, INPUTS, OUTPUTS)[1] == "model"


def test_an_old_name_is_no_name_of_a_parameter():
    """A parameter `takes` would be taken for what the models take."""
    with pytest.raises(SpaceError, match="another name for the parameter 'takes'"):

        class Wrong(SearchSpace):
            takes = Int(1, 2)
