"""Mistakes with models are told before anything is trained: none of these needs TensorFlow."""

from __future__ import annotations

import json

import pytest

from tests.support.trials import begin, complete, enter, fail
from tests.unit.cli.conftest import Launched, Typed
from tests.unit.cli.test_bad_input import refused

REFIT = ("refit", "mlp-digits", "-o", "out.keras")
ENSEMBLE = ("ensemble", "mlp-digits", "-o", "out.keras")
READING = [("export", "mlp-digits", "out.keras"), ("evaluate", "mlp-digits")]
WRITING = [READING[0], REFIT, ENSEMBLE]


@pytest.fixture
def worked(launched: Launched) -> Launched:
    """A complete trial whose model is not kept, and one that failed."""
    store, study = launched.store, launched.study
    enter(store, study)
    complete(store, begin(store, study, units_0=64), [0.5, 0.25, 0.75])
    fail(store, begin(store, study))
    return launched


@pytest.mark.parametrize("words", [*READING, REFIT, ENSEMBLE], ids=lambda words: words[0])
def test_no_trial_has_ended_yet(launched: Launched, tuner: Typed, words: tuple[str, ...]):
    assert "tuner status mlp-digits" in refused(tuner(*words))


@pytest.mark.parametrize("words", WRITING, ids=lambda words: words[0])
@pytest.mark.parametrize("name", ["out.keras", "out.json"])
def test_an_output_that_exists(launched: Launched, tuner: Typed, words: tuple[str, ...], name: str):
    """Neither a model nor a card is replaced unless asked for."""
    (tuner.folder / name).write_text("mine")
    assert "--force" in refused(tuner(*words))
    assert (tuner.folder / name).read_text() == "mine"


@pytest.mark.parametrize(
    ("output", "told"),
    [("out.h5", "out.keras"), ("absent/out.keras", "absent"), (".", ".keras")],
)
def test_an_output_that_cannot_be_written(launched: Launched, tuner: Typed, output: str, told: str):
    assert told in refused(tuner("export", "mlp-digits", output))


@pytest.mark.parametrize("words", [*READING, REFIT], ids=lambda words: words[0])
def test_a_trial_that_does_not_exist(worked: Launched, tuner: Typed, words: tuple[str, ...]):
    assert "77" in refused(tuner(*words, "--trial", "77"))


@pytest.mark.parametrize("words", READING, ids=lambda words: words[0])
def test_a_model_that_was_not_kept(worked: Launched, tuner: Typed, words: tuple[str, ...]):
    """The line can be typed."""
    told = refused(tuner(*words))
    assert "tuner rerun mlp-digits 0 --output trial-0.keras" in told


def test_a_trial_that_cannot_be_trained_again(worked: Launched, tuner: Typed):
    """It failed before its first epoch, runs still, or does not exist."""
    begin(worked.store, worked.study)
    assert "failed before its first epoch" in refused(tuner("rerun", "mlp-digits", "1"))
    assert "trial 2, which is running" in refused(tuner("rerun", "mlp-digits", "2"))
    assert "77" in refused(tuner("rerun", "mlp-digits", "77"))


def test_a_trial_is_not_trained_for_an_output_that_exists(worked: Launched, tuner: Typed):
    (tuner.folder / "out.keras").write_text("mine")
    assert "--force" in refused(tuner("rerun", "mlp-digits", "0", "--output", "out.keras"))


CARD = {"data": {"columns": ["a", "b"], "shape": [2], "target": "y", "task": "binary"}}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("a\n1\n", "missing: b"),
        ("b,a,c\n1,2,3\n", "not known: c"),
        ("a,c\n1,2\n", "missing: b; not known: c"),
        ("a,b\n1,x\n", "'x' in column 'b'"),
        ("a,b\n1,\n", "missing in column 'b'"),
        ("a,b\n", "header line only"),
        ("", "empty"),
        (None, "does not exist"),
    ],
)
def test_rows_that_the_model_does_not_take(tuner: Typed, table: str | None, told: str):
    """Found out before the model is loaded."""
    (tuner.folder / "model.keras").write_bytes(b"never read")
    (tuner.folder / "model.json").write_text(json.dumps(CARD))
    if table is not None:
        (tuner.folder / "rows.csv").write_text(table)
    assert told in refused(tuner("predict", "model.keras", "rows.csv"))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("day,said\nsoon,hello\n", "expected dates such as 2024-01-31"),
        ("day,said\n2024-02-30,hello\n", "Received: '2024-02-30' in data row 1"),
        ("day,said\n2024-02-29,\n", "1 missing in column 'said'"),
        ("day\n2024-02-29\n", "missing: said"),
    ],
)
def test_dates_and_texts_that_the_model_does_not_take(tuner: Typed, table: str, told: str):
    """Found out before the model is loaded."""
    about = {**CARD["data"], "columns": ["day", "said"], "kinds": {"day": "date", "said": "text"}}
    (tuner.folder / "model.keras").write_bytes(b"never read")
    (tuner.folder / "model.json").write_text(json.dumps({"data": about}))
    (tuner.folder / "rows.csv").write_text(table)
    assert told in refused(tuner("predict", "model.keras", "rows.csv"))


def test_rows_without_names_for_a_model_without_names(tuner: Typed):
    """As many columns as a row has values; a first line of numbers is a row."""
    (tuner.folder / "model.keras").write_bytes(b"never read")
    (tuner.folder / "model.json").write_text(json.dumps({"data": {"shape": [2, 2]}}))
    (tuner.folder / "rows.csv").write_text("1,2,3\n4,5,6\n")
    assert "expected 4 columns" in refused(tuner("predict", "model.keras", "rows.csv"))


def test_a_card_that_is_none(tuner: Typed):
    (tuner.folder / "model.keras").write_bytes(b"never read")
    (tuner.folder / "model.json").write_text("[]")
    assert "model.json" in refused(tuner("predict", "model.keras", "rows.csv"))


def test_predictions_that_exist(tuner: Typed):
    (tuner.folder / "out.csv").write_text("mine")
    assert "--force" in refused(tuner("predict", "model.keras", "rows.csv", "-o", "out.csv"))


def test_no_model(tuner: Typed):
    assert "absent.keras" in refused(tuner("predict", "absent.keras", "rows.csv"))


def test_one_model_is_no_ensemble(worked: Launched, tuner: Typed):
    assert "2 complete trials" in refused(tuner(*ENSEMBLE))
    assert "--top" in refused(tuner(*ENSEMBLE, "--top", "1"))
