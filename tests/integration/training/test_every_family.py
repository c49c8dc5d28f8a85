"""Whatever the family and the way that it is trained: the losses are those of Keras's ``fit``."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from search_spaces import Outputs, SearchSpace, catalog
from tests.support.fits import HeldData, fit, small_data, stock_fit
from tests.support.space_cases import axes_of
from tuner.datasets.prepared_data import Part

pytestmark = pytest.mark.keras

SHAPES = {"image": (6, 6), "steps": (7, 2)}
TRAINING = (
    "units=8",  # wide layers are summed up by several threads in any order
    "hidden=8",
    "activation=tanh",
    "optimizer=adam",
    "learning_rate=0.01",
    "schedule=constant",
    "batch_size=16",
    "epochs=3",
)
WITH_LEARNERS = (
    "stacked-autoencoder",
    "gan",
    "rbm",
    "dbn",
    "boltzmann",
    "hopfield",
    "lvq",
)
# Layers that change rows at random are on where a family has them by default or here.
NARROWED = {
    "mlp": ("dropout=0.2",),
    "cnn": ("filters=4", "block_dropout=0.2"),
    "cnn1d": ("filters=4", "dropout=0.2"),
    "rnn": ("dropout=0.2",),
    "seq2seq": ("dropout=0.2",),
    "unet": ("filters=4", "dropout=0.2", "depth=2"),
}


# Of `pretrained` see test_phases: it is Keras's own layers, frozen and thawed.
@pytest.mark.parametrize("family", [name for name in catalog.FAMILIES if name != "pretrained"])
def test_losses_are_those_of_stock_fit(family: str) -> None:
    """Epoch by epoch, with a last batch that is smaller.

    Rows count differently where a family learns in a way of its own: others are tested elsewhere.
    Another training of the same seed draws the same random numbers.
    """
    space = narrowed(family)
    weighted = ("train", "validation") if family in WITH_LEARNERS else ()
    data = data_for(space, "image" if family in ("cnn", "unet") else "steps", weighted)
    if family == "boltzmann":  # which takes probabilities
        data.train, data.validation = (squeezed(part) for part in (data.train, data.validation))
    point = space.starting_points()[0]
    ours = fit(data, point, build=space.build)
    assert ours.distance(fit(data, point, build=space.build)) == 0
    assert not ours.path.startswith("stock fit")
    assert ours.distance(stock_fit(data, point, build=space.build)) < 1e-5


def narrowed(family: str) -> SearchSpace:
    """The family, small, with as much of the narrowing as it knows."""
    known = catalog.load(family).parameters
    wanted = (*NARROWED.get(family, ()), *TRAINING)
    names = {name.partition("_")[0] for name in known} | set(known)
    return catalog.load(family, [o for o in wanted if o.partition("=")[0] in names])


def squeezed(part: Part) -> Part:
    """Rows between 0 and 1, each to be given back."""
    x = 1 / (1 + np.exp(-part.x))
    return replace(part, x=x, y=x.reshape(len(x), -1))


def data_for(space: SearchSpace, kind: str, weighted: tuple[str, ...]) -> Any:
    """Rows of a shape that the family takes, and what it learns from them."""
    data = small_data(shape=SHAPES[kind], weighted=weighted)
    axes = axes_of(space, SHAPES[kind])
    if axes:
        data.outputs = Outputs.for_task("classes", 3, axes)
        for name in ("train", "validation", "test"):
            part = getattr(data, name)
            first = part.x.reshape(len(part), *axes, -1)[..., :1]
            setattr(data, name, replace(part, y=np.digitize(first, [-0.5, 0.5]).astype(np.int32)))
        return data
    if space.learns == "targets":
        return data
    outputs = Outputs.for_task("regression", math.prod(SHAPES[kind]))
    parts = {name: getattr(data, name) for name in ("train", "validation", "test")}
    taught = {name: replace(p, y=p.x.reshape(len(p), -1)) for name, p in parts.items()}
    return HeldData(inputs=data.inputs, outputs=outputs, **taught)
