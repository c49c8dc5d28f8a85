"""Parameters of the loss: which there are, for which losses and outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces import Inputs, Outputs, catalog, loss_parameters
from search_spaces.errors import SpaceError

ROWS = Inputs(shape=(4,))
CLASSES, NUMBERS = Outputs.for_task("classes", 3), Outputs.for_task("regression")
SEVERAL = Outputs.for_heads({"digit": CLASSES, "ink": NUMBERS})
OWN = """
import nothing_that_is_installed

class Focal:
    def __init__(self, gamma=2.0, depth=1):
        pass

def make(margin, scale=1.0):
    return lambda y_true, y_pred: scale * margin

def tilted(y_true, y_pred, tilt=0.5):
    return tilt
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "own.py").write_text(OWN)
    return str(tmp_path / "own.py")


def test_they_are_parameters_where_they_are_named() -> None:
    """Other spaces stay what they were, so that studies of before go on."""
    plain, smoothed = catalog.load("mlp"), catalog.load("mlp", ["label_smoothing=0..0.3"])
    assert smoothed.parameters["label_smoothing"].text == "0..0.3"
    assert "label_smoothing" not in plain.parameters
    assert plain.fingerprint() != smoothed.fingerprint()
    assert not loss_parameters.are_searched(plain.parameters)
    assert loss_parameters.are_searched(smoothed.parameters)
    fixed = catalog.load("mlp", ["label_smoothing=0.1"])
    assert not loss_parameters.are_searched(fixed.parameters)
    assert fixed.starting_points()[0]["label_smoothing"] == 0.1


def test_of_several_losses_each_has_its_own() -> None:
    """A trial has those of the loss that it learns by."""
    losses = "loss=huber,mse,mae"
    parameter = catalog.load("mlp", [losses, "huber_delta=0.5..2"]).parameters["huber_delta"]
    assert parameter.exists({"loss": "huber"})
    assert not parameter.exists({"loss": "mse"})
    focal = {"focal_gamma": 3.0, "huber_delta": 1.0}
    assert loss_parameters.arguments_of(focal, "binary_focal_crossentropy") == {"gamma": 3.0}
    assert loss_parameters.arguments_of(focal, "usual") == {}


def test_arguments_of_a_loss_in_a_file_are_read_not_run(own: str) -> None:
    """Ranges are whole where the default is; a list has what it lists."""
    typed = [f"loss={own}:Focal", "loss.gamma=1..3", "loss.depth=1..3"]
    parameters = catalog.load("mlp", typed).parameters
    kinds = {name: type(one).__name__ for name, one in parameters.items() if "loss." in name}
    assert kinds == {"loss.gamma": "Float", "loss.depth": "Int"}
    assert parameters["loss.gamma"].default == 2.0 or parameters["loss.gamma"].contains(1.5)
    both = catalog.load("mlp", [f"loss={own}:Focal,{own}:make,mse", "loss.margin=0.5,1"])
    margin = both.parameters["loss.margin"]
    assert margin.exists({"loss": f"{own}:make"})
    assert not margin.exists({"loss": f"{own}:Focal"})
    values = {"loss.margin": 0.5, "loss.gamma": 1.0}
    assert loss_parameters.arguments_of(values, f"{own}:make") == {"margin": 0.5}
    assert loss_parameters.arguments_of({"loss.tilt": 0.1}, f"{own}:tilted") == {"tilt": 0.1}
    with pytest.raises(SpaceError, match=r"an argument of own.py:Focal, which has gamma, depth"):
        catalog.load("mlp", [f"loss={own}:Focal", "loss.gama=1..3"])


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["focal_gamma=1..3"], "--set loss=binary_focal_crossentropy,categorical_focal_cross"),
        (["loss=mae", "huber_delta=1"], "--set loss=huber"),
        (["loss.gamma=1..3"], "a loss of your own, loss=path/file.py:NAME"),
        (["label_smoothing=1.5"], "at least 0 and below 1"),
        (["loss=tversky", "tversky_alpha=0..1"], "a number above 0"),
        (["loss=categorical_focal_crossentropy", "focal_alpha=0"], "above 0 and at most 1"),
        (["label_smothing=0.1"], "Did you mean label_smoothing"),
    ],
)
def test_one_that_no_loss_has_is_refused(typed: list[str], told: str) -> None:
    """On one line, which says what would have it."""
    with pytest.raises(SpaceError, match=told) as refused:
        catalog.load("mlp", typed)
    assert len(str(refused.value)) <= 300


@pytest.mark.parametrize(
    ("typed", "outputs", "told"),
    [
        ("label_smoothing=0.1", NUMBERS, "with a cross-entropy.*the task regression"),
        ("label_smoothing=0.1", SEVERAL, "no label_smoothing beside several outputs"),
        ("loss_weights.ink=2", NUMBERS, "with several outputs only"),
        ("loss_weights.inc=2", SEVERAL, "digit, ink.*Did you mean ink"),
    ],
)
def test_one_that_says_nothing_of_the_outputs_is_refused(
    typed: str, outputs: Outputs, told: str
) -> None:
    """Before there is a study."""
    space = catalog.load("mlp", [typed])
    with pytest.raises(SpaceError, match=told):
        loss_parameters.check_task(space.parameters, outputs)


def test_outputs_have_weights_by_their_names() -> None:
    """A range, a list or one value; those that are not named count once."""
    space = catalog.load("mlp", ["loss_weights.ink=0.1..10:log", "loss_weights.digit=2"])
    loss_parameters.check_task(space.parameters, SEVERAL)
    first = space.starting_points()[0]
    assert loss_parameters.weights_of(first) == {"ink": 1.0, "digit": 2.0}
    with pytest.raises(SpaceError, match="a number at least 0"):
        catalog.load("mlp", ["loss_weights.ink=-1"])
    nothing = catalog.load("mlp", ["loss_weights.ink=0,1", "loss_weights.digit=0..2:linear"])
    with pytest.raises(SpaceError, match="may all be 0"):
        loss_parameters.check_task(nothing.parameters, SEVERAL)
