"""Targets of pixels and steps: what they are taken for, what counts, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tuner.cli import main
from tuner.datasets import Data, DataError, DataSpec, load
from tuner.datasets.data_outline import outline_data

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.normal(size=(40, 4, 6, 1)).astype(np.float32)
STEPS = RANDOM.normal(size=(40, 5, 2)).astype(np.float32)
MASK = (PIXELS[..., 0] > 0).astype(np.int64)
REGIONS = np.digitize(PIXELS[..., 0], [-0.5, 0.5])
TAGS = np.digitize(STEPS[..., 0], [-0.5, 0.5])


def loaded(folder: Path, x: Any, y: Any, w: Any = None, **options: Any) -> Data:
    """The prepared data of a .npz file."""
    np.savez(folder / "a.npz", x=x, y=y, **({} if w is None else {"w": w}))
    return load(DataSpec(source=str(folder / "a.npz"), **options))


@pytest.mark.parametrize(
    ("x", "y", "options", "expected"),
    [
        (PIXELS, MASK, {}, ("binary", (4, 6, 1), (0, 1))),
        (PIXELS, MASK[..., None], {}, ("binary", (4, 6, 1), (0, 1))),
        (PIXELS, MASK.astype(bool), {}, ("binary", (4, 6, 1), (False, True))),
        (PIXELS, MASK.astype(np.float32), {}, ("binary", (4, 6, 1), (0.0, 1.0))),
        (PIXELS, (MASK * 255).astype(np.uint8), {}, ("binary", (4, 6, 1), (0, 255))),
        (PIXELS, MASK, {"task": "classes"}, ("classes", (4, 6, 2), (0, 1))),
        (PIXELS, REGIONS, {}, ("classes", (4, 6, 3), (0, 1, 2))),
        (PIXELS, PIXELS, {}, ("regression", (4, 6, 1), None)),
        (PIXELS, PIXELS[..., 0], {}, ("regression", (4, 6, 1), None)),
        (PIXELS, np.repeat(PIXELS, 3, -1), {}, ("regression", (4, 6, 3), None)),
        (PIXELS, np.stack([MASK, 1 - MASK[::-1]], -1), {}, ("labels", (4, 6, 2), None)),
        (STEPS, TAGS[..., None], {}, ("classes", (5, 3), (0, 1, 2))),
        (STEPS, TAGS, {"task": "classes"}, ("classes", (5, 3), (0, 1, 2))),
        (STEPS, np.array(list("abc"))[TAGS][..., None], {}, ("classes", (5, 3), ("a", "b", "c"))),
        (STEPS, STEPS, {}, ("regression", (5, 2), None)),
        (STEPS, STEPS[..., :1], {}, ("regression", (5, 1), None)),
        (STEPS, TAGS, {}, ("regression", (5,), None)),
    ],
)
def test_what_targets_are_taken_for(
    tmp_path: Path, x: Any, y: Any, options: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    """Task, shape of an answer, and classes; targets are kept with a column of their own."""
    data = loaded(tmp_path, x, y, **options)
    assert (data.outputs.task, data.outputs.shape, data.classes) == expected
    if data.outputs.axes:
        assert data.train.y.shape[1:] == (*data.outputs.axes, data.outputs.columns)


def test_classes_are_positions_and_numbers_are_scaled_by_channel(tmp_path: Path) -> None:
    """A channel has one centre and spread for all of its pixels, fitted on the training rows."""
    data = loaded(tmp_path, PIXELS, (MASK * 255).astype(np.uint8))
    assert (data.train.y[..., 0] == (data.raw_targets("train")[..., 0] == 255)).all()
    channels = np.concatenate([PIXELS * 5 + 100, PIXELS * 0.1], axis=-1)
    data = loaded(tmp_path, PIXELS, channels)
    assert data.train.y.mean(axis=(0, 1, 2)) == pytest.approx([0, 0], abs=1e-4)
    assert data.train.y.std(axis=(0, 1, 2)) == pytest.approx([1, 1], abs=1e-4)


@pytest.mark.parametrize("how", ["mask value", "weights"])
def test_steps_that_do_not_count_weigh_nothing_and_scale_nothing(tmp_path: Path, how: str) -> None:
    """By their target or by their weights; all others weigh one on average over all places."""
    y, counts = (
        STEPS[..., :1].astype(np.float64) * 3 + 50,
        np.arange(5) < 2 + np.arange(40)[:, None] % 4,
    )
    y[~counts] = -999
    if how == "weights":
        data = loaded(tmp_path, STEPS, y, counts.astype(float))
    else:
        data = loaded(tmp_path, STEPS, y, mask_value=-999)
    train = data.train
    assert train.weights is not None
    assert train.weights.shape == (len(train), 5)
    assert train.weights.mean() == pytest.approx(1)
    assert ((train.weights > 0) == (data.raw_targets("train")[..., 0] != -999)).all()
    kept = train.y[train.weights > 0]
    assert (kept.mean(), kept.std()) == pytest.approx((0, 1), abs=1e-4)
    assert "do not count" in outline_data(data, DataSpec(source="a.npz"))


def test_class_weights_are_of_pixels_that_count(tmp_path: Path) -> None:
    """Balanced ones go by pixels, as scikit-learn's; 255 marks pixels nobody knows."""
    from sklearn.utils.class_weight import compute_class_weight

    y = REGIONS.copy()
    y[:, 0] = 255
    data = loaded(tmp_path, PIXELS, y, class_weights="balanced", mask_value=255)
    raw = data.raw_targets("train").ravel()
    raw = raw[raw != 255]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=raw)
    assert data.class_weights == pytest.approx(expected)
    weights = data.train.weights
    assert weights is not None
    assert (weights[:, 0] == 0).all()
    of_first = weights[:, 1:][data.train.y[:, 1:, :, 0] == 0]
    of_last = weights[:, 1:][data.train.y[:, 1:, :, 0] == 2]
    assert of_first[0] / of_last[0] == pytest.approx(expected[0] / expected[2])


def test_rows_with_a_rare_class_are_in_every_part(tmp_path: Path) -> None:
    """Six rows of forty have a pixel of the third class; each part gets its share of them."""
    y = MASK.copy()
    y[:6, 0, 0] = 2
    data = loaded(tmp_path, PIXELS, y)
    shares = [(part.y == 2).any(axis=(1, 2, 3)).sum() for part in (data.train, data.validation)]
    assert shares in ([4, 1], [3, 1], [4, 2], [3, 2])
    assert (data.test.y == 2).any()


def test_a_line_says_what_the_targets_are(tmp_path: Path) -> None:
    """Before anything is trained: the task, its places, and how many there are of each class."""
    spec = DataSpec(source="a.npz")
    line = outline_data(loaded(tmp_path, PIXELS, MASK), spec)
    assert line.startswith(f"task binary for each of 4x6 pixels (0 {(MASK == 0).sum()}, 1 ")
    line = outline_data(loaded(tmp_path, STEPS, TAGS, task="classes"), spec)
    assert line.startswith("task multiclass for each of 5 steps (0 ")


def test_pixels_of_each_class_are_counted(tmp_path: Path) -> None:
    """By the command that looks at data: how many, and their share of all pixels."""
    np.savez(tmp_path / "a.npz", x=PIXELS, y=MASK)
    shown = CliRunner().invoke(main, ["datasets", str(tmp_path / "a.npz")]).stdout
    assert "40 rows of shape 4x6x1, binary for each of 4x6 pixels (2)" in shown
    count = int((MASK == 1).sum())
    assert ["1", str(count), f"{count / MASK.size:.1%}"] in [*map(str.split, shown.splitlines())]
    assert ["class", "pixels", "share"] in [*map(str.split, shown.splitlines())]


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (np.zeros((40, 2, 2, 2, 1)), {}, "Received: (40, 2, 2, 2, 1)"),
        (MASK * 0 + 1, {}, "Received: 1 in every place"),
        (REGIONS * 2, {}, "Received: 2 with no 1 anywhere: --mask-value 2 leaves out"),
        (REGIONS - 1, {}, "Received: -1: --mask-value -1 leaves out"),
        (np.where(REGIONS == 2, 255, REGIONS) + (REGIONS == 1), {}, "Received: 2 with no 1"),
        (PIXELS, {"task": "classes"}, "(y > 0.5).astype(int) makes a mask"),
        (REGIONS, {"task": "binary"}, "expected two classes for the task binary. Received: 3"),
        (np.eye(3)[TAGS], {}, "y.argmax(axis=-1)"),
        (REGIONS, {"task": "labels"}, "Received: 2: give 1 where"),
        (np.arange(40) % 2, {"mask_value": 0}, "expected --mask-value with a target for each"),
        (
            np.where(np.arange(3) == 1, -1, PIXELS[..., :1] * np.ones(3)),
            {"mask_value": -1},
            "expected --mask-value -1 in all 3 values of a place, or in none",
        ),
    ],
)
def test_one_line_says_what_is_wrong(
    tmp_path: Path, y: Any, options: dict[str, Any], message: str
) -> None:
    """Whatever stands in the targets, and that it can be left out."""
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, PIXELS, y, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sequences_of_different_lengths_and_weights_of_other_places_are_refused(
    tmp_path: Path,
) -> None:
    """Ragged ones come from functions; weights must be of the places that have targets."""
    (tmp_path / "ragged.py").write_text(
        "import numpy as np\n"
        "def load():\n"
        "    y = np.array([[0] * (2 + i % 3) for i in range(9)], dtype=object)\n"
        "    return np.zeros((9, 4, 1)), y\n"
    )
    with pytest.raises(DataError, match=r"sequences of one length in y. Received: 2 to 4 steps"):
        load(DataSpec(source=f"{tmp_path}/ragged.py:load"))
    with pytest.raises(DataError, match=r"Received: .* of shape \(40, 3\)"):
        loaded(tmp_path, PIXELS, MASK, np.ones((40, 3)))
    with pytest.raises(DataError, match=r"weights of shape \(40, 5\) .*: give \(40,\)"):
        loaded(tmp_path, STEPS, TAGS, np.ones((40, 5)))
