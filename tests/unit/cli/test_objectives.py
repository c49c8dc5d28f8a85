"""Several objectives on the command line: what is made of them, and what is refused."""

from __future__ import annotations

import pytest

from storage import studies
from storage.database.engine import open_store
from storage.studies import Study
from tests.support.typed import Typed

LAUNCH = ("launch", "mlp", "--data", "digits", "--workers", "0", "--study", "s")
TWO = ("--objective", "loss", "--objective", "parameters")


def made() -> Study:
    store = open_store("sqlite:///tuner.db", create=False)
    try:
        return studies.load(store, "s")
    finally:
        store.close()


def test_a_study_has_its_objectives_in_their_order(tuner: Typed):
    """None of them prunes unless that is asked for: a small model would be ended for its loss."""
    words = (*LAUNCH, *TWO, "--objective", "latency", "--direction", "min", "--direction", "max")
    assert tuner(*words).exit_code == 0
    study = made()
    assert (study.sign, study.further) == (1, (-1, 1))
    assert study.spec["further"] == {"parameters": "max", "latency": "min"}
    assert study.spec["pruner"]["kind"] == "none"
    assert tuner(*words).exit_code == 0, "the same definition goes on"
    other = tuner(*LAUNCH, *TWO)
    assert other.exit_code == 2
    assert "further.parameters: min instead of max" in other.stderr


def test_the_first_objective_prunes_where_that_is_asked_for(tuner: Typed):
    """With a pruner that is named."""
    assert tuner(*LAUNCH, *TWO, "--pruner", "hyperband").exit_code == 0
    assert made().spec["pruner"]["kind"] == "hyperband"


def test_one_objective_is_pruned_by_the_median(tuner: Typed):
    """As ever, and nothing further is stored."""
    assert tuner(*LAUNCH).exit_code == 0
    study = made()
    assert (study.further, study.spec["further"]) == ((), {})
    assert study.spec["pruner"]["kind"] == "median"


def test_a_loss_that_differs_is_no_objective_in_any_place(tuner: Typed):
    """The metric that takes its place is measured, and is an objective once."""
    usual = "sparse_categorical_crossentropy"
    searched = (*LAUNCH, "--set", "loss=usual,kld")
    two = ("--objective", "accuracy", "--objective", "loss", "--objective", usual)
    result = tuner(*searched, *two)
    assert result.exit_code == 0, result.stderr
    study = made()
    assert study.spec["objective"] == "val_accuracy"
    assert study.spec["further"] == {f"val_{usual}": "min"}
    assert (study.sign, study.further) == (-1, (1,))
    assert usual in study.spec["metrics"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*TWO, "--target-loss", "0.1"), "Expected one --objective with --target-loss"),
        ((*TWO, "--study-patience", "3"), "Expected one --objective with --study-patience"),
        ((*TWO, "--stop-when-flat"), "Expected one --objective with --stop-when-flat"),
        ((*TWO, "--sampler", "cmaes"), "Expected one --objective with --sampler cmaes"),
        (("--objective", "parameters"), "Expected the first --objective to be known after each"),
        (("--objective", "loss", "--objective", "val_loss"), "Expected each --objective once"),
        (("--direction", "min", "--direction", "max"), "Expected --direction at most 1 times"),
    ],
)
def test_what_makes_no_sense_is_refused_on_one_line(
    tuner: Typed, words: tuple[str, ...], told: str
):
    """And nothing is made."""
    result = tuner(*LAUNCH, *words)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), result.stderr
    assert told in result.stderr
    assert not list(tuner.folder.iterdir())
