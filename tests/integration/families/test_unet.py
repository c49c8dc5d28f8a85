"""U-Nets find real strokes under noise better than any threshold, and take the noise away."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from search_spaces import Inputs, Outputs, SpaceError, catalog
from tests.support.fits import Fit, fit
from tests.support.sources import ROOT
from tuner.datasets import Data, DataSpec, load, with_preprocessing
from tuner.models.scores import score
from tuner.report.sections.best_model_scores import section

pytestmark = pytest.mark.keras

SPACE = catalog.load("unet", ["filters=8", "depth=2"])
POINT = {**SPACE.starting_points()[1], "epochs": 5, "learning_rate": 0.01, "optimizer": "adam"}


def strokes(folder: Path, kind: str) -> Data:
    """The first digits of the example, under noise of half their strength."""
    example = runpy.run_path(str(ROOT / "examples" / "masks.py"))
    x, y = example["strokes" if kind == "mask" else "clean"]()
    np.savez(folder / "strokes.npz", x=x[:700], y=y[:700])
    return load(DataSpec(source=str(folder / "strokes.npz")))


def trained(data: Data) -> tuple[Fit, np.ndarray, np.ndarray, np.ndarray]:
    """A training, and of the test part the raw rows, targets and answers."""
    SPACE.check(data.inputs, data.outputs)
    found = fit(data, POINT, build=SPACE.build)
    rows: Any = data.raw("test")
    answers = with_preprocessing(found.model, data).predict(rows, verbose=0)
    return found, rows, data.raw_targets("test"), answers


def test_masks_of_strokes_are_found_better_than_by_any_threshold(tmp_path: Path) -> None:
    """By their intersection over union; the report has their pictures."""
    data = strokes(tmp_path, "mask")
    _, rows, y, p = trained(data)
    iou = sk.jaccard_score(y.ravel(), p.ravel() > 0.5)
    thresholds = np.linspace(0.2, 0.8, 13)
    best = max(sk.jaccard_score(y.ravel(), rows.ravel() > t) for t in thresholds)
    assert iou > best + 0.1
    scores = score(data, "test", p)
    assert scores["iou"] == pytest.approx(iou)
    shown = section(data, p, scores)
    assert [one.alt for one in shown.pictures] == [
        "Input, target and answer of 4 rows of the test part",
        "Confusion matrix on the test part",
    ]
    assert "from the best to the worst" in shown.text[1]


def test_noise_is_taken_from_images(tmp_path: Path) -> None:
    """The error is less than that of the best mix of each pixel and the mean picture."""
    data = strokes(tmp_path, "image")
    _, rows, y, p = trained(data)
    train = data.raw_targets("train").mean(axis=0)
    mixes = [((1 - a) * train + a * rows - y) for a in np.linspace(0, 1, 11)]
    assert np.square(p - y).mean() < 0.8 * min(np.square(one).mean() for one in mixes)
    shown = section(data, p, score(data, "test", p))
    assert shown.pictures[0].figure.layout.xaxis.ticktext == ("input", "target", "answer")


@pytest.mark.parametrize("upsampling", ["transposed", "nearest", "bilinear"])
def test_sides_of_any_length_come_back(upsampling: str) -> None:
    """Odd ones too, and ones that are shorter than the network is deep."""
    space = catalog.load("unet", ["filters=1", f"upsampling={upsampling}", "depth=3"])
    outputs = Outputs.for_task("classes", 3, (5, 1))
    model = space.build(space.starting_points()[0], Inputs(shape=(5, 1, 2)), outputs)
    assert model.output_shape == (None, 5, 1, 3)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ((), "Expected one for each place of \\(height, width\\) for unet. Received: one"),
        ((5,), "one for each step: take rnn, or seq2seq"),
        ((4, 4), "Expected targets of the size of the rows for unet, .* Received: 4x4"),
    ],
)
def test_other_targets_are_refused(axes: tuple[int, ...], message: str) -> None:
    """One for the image, for each step, or of another size than the image."""
    with pytest.raises(SpaceError, match=message):
        SPACE.check(Inputs(shape=(8, 8, 1)), Outputs.for_task("binary", axes=axes))
