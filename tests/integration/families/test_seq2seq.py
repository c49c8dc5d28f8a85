"""Encoders and decoders turn sequences round, whose answers can be checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces import Inputs, Outputs, SpaceError, catalog
from tests.support.fits import fit
from tuner.datasets import DataSpec, load, with_preprocessing
from tuner.models.scores import score
from tuner.report.sections.best_model_scores import section

pytestmark = pytest.mark.keras

ROWS, STEPS, DIGITS = 1600, 4, 5


def test_digits_are_turned_round(tmp_path: Path) -> None:
    """Nearly all steps of rows that were never seen; a guess is right for one of five."""
    digits = np.random.default_rng(0).integers(0, DIGITS, (ROWS, STEPS))
    x = np.eye(DIGITS, dtype=np.float32)[digits]
    np.savez(tmp_path / "turned.npz", x=x, y=digits[:, ::-1, None])
    data = load(DataSpec(source=str(tmp_path / "turned.npz")))
    space = catalog.load("seq2seq", ["units=32"])
    space.check(data.inputs, data.outputs)
    point = {**space.starting_points()[0], "epochs": 7, "learning_rate": 0.01, "batch_size": 32}
    trained = fit(data, point, build=space.build)
    rows: Any = data.raw("test")
    answers = with_preprocessing(trained.model, data).predict(rows, verbose=0)
    right = answers.argmax(-1) == data.raw_targets("test")[..., 0]
    assert right.mean() > 0.95
    shown = section(data, answers, score(data, "test", answers))
    assert shown.table is not None
    row, target, answer = shown.table.rows[0]
    assert target == " ".join(map(str, data.raw_targets("test")[int(row), :, 0]))
    assert answer == " ".join(map(str, answers[int(row)].argmax(-1)))


@pytest.mark.parametrize("attention", ["true", "false"])
def test_answers_have_any_number_of_steps(attention: str) -> None:
    """More or fewer than the rows have, and numbers as well as classes; of one step too."""
    space = catalog.load("seq2seq", ["units=4", f"attention={attention}"])
    for steps, outputs in (
        (6, Outputs.for_task("regression", 2, (3,))),
        (1, Outputs.for_task("classes", 4, (7,))),
    ):
        inputs = Inputs(shape=(steps, 2))
        space.check(inputs, outputs)
        model = space.build(space.starting_points()[0], inputs, outputs)
        assert model.output_shape == (None, *outputs.shape)


def test_other_targets_are_refused() -> None:
    """One for a row, or for a pixel; and rnn says who answers other steps than the row has."""
    space, inputs = catalog.load("seq2seq"), Inputs(shape=(6, 2))
    with pytest.raises(SpaceError, match=r"of \(steps\) for seq2seq. Received: one: take rnn"):
        space.check(inputs, Outputs.for_task("binary"))
    with pytest.raises(SpaceError, match=r"Received: one for each pixel: take unet"):
        space.check(inputs, Outputs.for_task("binary", axes=(6, 6)))
    with pytest.raises(SpaceError, match=r"size of the rows for rnn.* take seq2seq"):
        catalog.load("rnn").check(inputs, Outputs.for_task("binary", axes=(3,)))
