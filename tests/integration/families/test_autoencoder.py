"""Autoencoders: what they reach on data whose answer is known, and how they learn."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.support.fits import Recorder, fit
from tests.support.learning import check_resume, load, point, train
from tuner.training import Directive

pytestmark = pytest.mark.keras

LINEAR = {"layers": 0, "optimizer": "adam", "learning_rate": 0.02, "schedule": "cosine"}
BRIEF = {"units": 12, "epochs": 10, "batch_size": 64, "optimizer": "adam"}


@pytest.mark.parametrize("decoder", ["free", "tied"])
def test_a_linear_one_is_a_principal_component_analysis(decoder: str) -> None:
    """Baldi and Hornik, 1989: no linear code of k numbers is better than k components."""
    fixed = {**LINEAR, "code": 4, "epochs": 30, "decoder": decoder}
    _, data = load("autoencoder", "breast-cancer", **fixed)
    x = data.train.x.astype(float)
    lost = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)[4:] ** 2
    ideal = lost.sum() / x.size
    ours = train("autoencoder", data, **fixed)
    assert ours.result is not None
    reached = ours.result.score(data.train)["loss"]
    assert ideal * 0.999 < reached < ideal * 1.05


def test_tied_kernels_stay_transposed() -> None:
    """After training, each decoder's kernel is its encoder's."""
    model = train("autoencoder", "wine", decoder="tied", layers=1, noise="gaussian", **BRIEF).model
    for encoder, decoder in (("encoder_0", "head"), ("encoder_1", "decoder_1")):
        there, back = (model.get_layer(name).kernel.numpy() for name in (encoder, decoder))
        np.testing.assert_array_equal(there, back.T)


def test_a_denoising_one_repairs_rows() -> None:
    """Pixels tell something of their neighbours; one that just copies rows copies the gaps."""
    _, data = load("autoencoder", "digits")
    x = data.test.x
    broken = np.where(np.random.default_rng(0).random(x.shape) < 0.3, 0.0, x).astype("float32")
    brief = {"code": 64, "units": 128, "epochs": 30, "optimizer": "adam", "learning_rate": 3e-3}
    errors = []
    for noise in ({"noise": "none"}, {"noise": "masking", "noise_level": 0.3}):
        model = train("autoencoder", data, **noise, **brief).model
        errors.append(np.square(model.predict(broken, verbose=0) - x).mean())
    plain, denoising = errors
    assert denoising < 0.75 * plain
    assert denoising < 0.65 * np.square(broken - x).mean()


def test_plain_and_masking_ones_take_the_fast_way() -> None:
    """The program of matrix products."""
    for noise in ("none", "masking"):
        assert train("autoencoder", "iris", noise=noise, **BRIEF).path.startswith("program: ")


def test_layers_learn_one_after_another() -> None:
    """A layer changes in its own phase and at the end; the head's loss falls all along."""
    fixed = {**BRIEF, "layers": 2, "pretraining": 2, "units": 32, "learning_rate": 3e-3}
    space, data = load("stacked-autoencoder", "digits", **fixed)
    models: list[Any] = []
    kernels: list[dict[str, Any]] = []

    def keep() -> None:
        names = ("hidden_0", "hidden_1", "head")
        kernels.append({name: models[0].get_layer(name).kernel.numpy() for name in names})

    def build(*arguments: Any) -> Any:
        models.append(space.build(*arguments))
        keep()
        return models[0]

    def order(epoch: int) -> Directive:
        keep()
        return Directive.CONTINUE

    done = fit(data, point(space), build=build, observer=Recorder(order=order))
    changes = [
        {name for name in before if (before[name] != after[name]).any()}
        for before, after in itertools.pairwise(kernels)
    ]
    assert changes[:4] == [{"hidden_0", "head"}] * 2 + [{"hidden_1", "head"}] * 2
    assert changes[4:] == [{"hidden_0", "hidden_1", "head"}] * 6
    losses = [epoch["val_loss"] for epoch in done.epochs]
    assert losses[0] > losses[3] > losses[9]


def test_pretraining_learns_rows() -> None:
    """After it the first layer gives rows back; one that was not taught so does not."""
    errors = []
    for pretraining in (0, 3):
        fixed = {"layers": 1, "pretraining": pretraining, **BRIEF, "units": 32}
        space, data = load("stacked-autoencoder", "digits", **fixed)
        values = {**point(space), "epochs": max(1, pretraining), "learning_rate": 3e-3}
        model: Any = fit(data, values, build=space.build).model
        layer, x = model.get_layer("hidden_0"), data.test.x
        back = layer(x) @ layer.kernel.numpy().T + model.backwards[0].numpy()
        errors.append(float(np.square(back - x).mean()))
    assert errors[1] < 0.4 < errors[0]


def test_a_stacked_one_tells_digits_apart() -> None:
    """More than 96 of 100."""
    fixed = {"optimizer": "adam", "noise": "masking", "learning_rate": 3e-3, "epochs": 20}
    assert train("stacked-autoencoder", "digits", **fixed).epochs[-1]["val_accuracy"] > 0.96


@pytest.mark.parametrize("noise", ["gaussian", "masking"])
def test_going_on_in_the_middle_of_pretraining(noise: str) -> None:
    """Comes out as without a break, in and after it."""
    fixed = {**BRIEF, "noise": noise, "pretraining": 2, "dropout": 0.2, "layers": 2}
    check_resume("stacked-autoencoder", "wine", after=(1, 3), **fixed)


def test_going_on_with_tied_kernels() -> None:
    """Comes out as without a break."""
    check_resume("autoencoder", "wine", after=[2], decoder="tied", noise="gaussian", **BRIEF)
