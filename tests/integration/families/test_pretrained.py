"""Backbones of keras.applications: with weights that the tests make, and without a network."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from search_spaces import Inputs, Outputs, SpaceError, catalog
from search_spaces.families.pretrained import BACKBONES, preprocess
from search_spaces.phases import phases_of, set_trainable
from tests.support.terminal import Terminal

pytestmark = pytest.mark.keras

IMAGES, OUTPUTS = Inputs(shape=(32, 32, 3)), Outputs.for_task("classes", 3)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a small backbone has learned: whatever it began with."""
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    keras.utils.set_random_seed(7)
    keras.applications.MobileNetV2((32, 32, 3), 0.35, include_top=False, weights=None).save_weights(
        path
    )
    return path


def test_the_backbones_are_those_of_keras() -> None:
    """All of them."""
    public = {name for name in dir(keras.applications) if name[0].isupper()}
    assert set(BACKBONES) == public


@pytest.mark.parametrize("backbone", BACKBONES)
def test_pixels_are_prepared_as_the_backbone_was_trained(backbone: str) -> None:
    """As by the function that comes with it."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype("float32")
    module = __import__("sys").modules[getattr(keras.applications, backbone).__module__]
    rows = keras.Input((4, 4, 3))
    ours = keras.Model(rows, preprocess(rows, backbone))
    np.testing.assert_allclose(ours(pixels), module.preprocess_input(pixels.copy()), atol=1e-4)


def test_the_head_learns_first_then_the_layers_that_are_not_frozen(weights: Path) -> None:
    """The backbone begins with the weights of the file; its statistics never change."""
    options = ("alpha=0.35", f"weights={weights}", "frozen=0.5", "units=8", "dropout=0")
    space = catalog.load("pretrained", options)
    model = space.construct(space.defaults(IMAGES, OUTPUTS), IMAGES, OUTPUTS)
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    plain = keras.applications.MobileNetV2((32, 32, 3), 0.35, include_top=False, weights=None)
    plain.load_weights(weights)
    for ours, theirs in zip(backbone.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    head, fine = phases_of(model)
    set_trainable(model, head)
    assert {v.path.split("/")[0] for v in model.trainable_variables} == {"hidden", "head"}
    set_trainable(model, fine)
    learns = [bool(layer.trainable) for layer in backbone.layers]
    border = round(0.5 * len(learns))
    assert learns == [
        number >= border and not isinstance(layer, keras.layers.BatchNormalization)
        for number, layer in enumerate(backbone.layers)
    ]
    assert sum(learns) > 10
    before = [v.numpy() for v in backbone.non_trainable_variables]
    model(np.full((4, 32, 32, 3), 99.0, "float32"), training=True)
    for old, new in zip(before, backbone.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_without_weights_all_learns_from_the_start() -> None:
    """In one phase of as many epochs."""
    space = catalog.load("pretrained", ["weights=none"])
    (phase,) = space.phases(space.defaults(IMAGES, OUTPUTS))
    assert (phase.trainable, phase.epochs) == ("all", 8)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([-1.0, 2.0], r"pixels from 0 to 255 .* -1 to 2: take --scaling none"),
        ([0.0, 1.0], r"pixels from 0 to 255 .* 0 to 1: take --scaling none, or --set highest=1"),
        ([0.0, 300.0], r"pixels from 0 to 255 .* 0 to 300"),
    ],
)
def test_rows_that_are_no_pixels_are_refused(rows: list[float], told: str) -> None:
    """They would be prepared wrongly, and nobody would notice."""
    with pytest.raises(SpaceError, match=told):
        catalog.load("pretrained").check_values(np.array(rows))


def test_what_a_backbone_cannot_be_is_told(weights: Path, tmp_path: Path) -> None:
    """Channels, a missing file, weights of another one, images that are too small."""
    space = catalog.load("pretrained", ["weights=none"])
    with pytest.raises(SpaceError, match="images of 1 or 3 channels"):
        space.check(Inputs(shape=(32, 32, 4)))
    with pytest.raises(SpaceError, match=r"weights=.*or a file of weights .* no file .*lacks.h5"):
        catalog.load("pretrained", [f"weights={tmp_path}/lacks.h5"])
    with pytest.raises(SpaceError, match=r"Expected weights of MobileNetV2 in .*small.weights.h5"):
        catalog.load("pretrained", [f"weights={weights}"]).build_default(IMAGES, OUTPUTS)
    with pytest.raises(SpaceError, match=r"images that MobileNetV2 takes.*image_size=96"):
        space.build_default(Inputs(shape=(8, 8)), OUTPUTS)


def test_another_file_of_weights_is_another_study(weights: Path, tmp_path: Path) -> None:
    """Its content is part of the definition."""
    copy = tmp_path / "copy.weights.h5"
    prints = set()
    for content in (weights.read_bytes(), b"other"):
        copy.write_bytes(content)
        prints.add(catalog.load("pretrained", [f"weights={copy}"]).fingerprint())
    assert len(prints) == 2


SOURCE = """
import numpy as np

def images():
    y = np.arange(48) % 3
    x = np.random.default_rng(0).integers(0, 100, (48, 32, 32, 3)) + 70 * y[:, None, None, None]
    return x.astype("uint8"), y
"""


@pytest.mark.slow
def test_a_study_is_launched_with_a_file_and_refused_without_a_network(
    weights: Path, tmp_path: Path
) -> None:
    """Two phases; the exported model takes raw pixels. ImageNet's weights are asked for at once."""
    (tmp_path / "source.py").write_text(SOURCE)
    (tmp_path / "small.weights.h5").write_bytes(weights.read_bytes())
    away = {"https_proxy": "http://127.0.0.1:9", "KERAS_HOME": str(tmp_path / "keras")}
    tuner = Terminal(tmp_path, environment=away)
    launch = ("launch", "pretrained", "--data", "source.py:images", "--set", "alpha=0.35")
    refused = tuner(*launch, "--scaling", "none", "--trials", "1", "--study", "i")
    assert refused.returncode == 2, refused.stderr
    assert "its weights of ImageNet from the network. Received: URL fetch failure" in refused.stderr
    assert refused.stderr.count("\n") == 1
    refused = tuner(*launch, "--set", "weights=none", "--trials", "1", "--study", "s")
    assert refused.returncode == 2
    assert "take --scaling none" in refused.stderr
    settings = ("weights=small.weights.h5", "head_epochs=1", "fine_epochs=1", "batch_size=16")
    ended = tuner(
        *(*launch, "--scaling", "none", "--trials", "1", "--workers", "1", "--study", "w"),
        *(word for text in settings for word in ("--set", text)),
    )
    assert ended.returncode == 0, ended.stderr
    assert tuner("export", "w", "one.keras").returncode == 0
    model = keras.saving.load_model(tmp_path / "one.keras")
    assert model(np.zeros((2, 32, 32, 3), "uint8")).shape == (2, 3)
