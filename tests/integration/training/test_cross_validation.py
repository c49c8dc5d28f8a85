"""Trials of several trainings: on the folds of real data, interrupted anywhere."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import pytest

from search_spaces import catalog
from storage.pruning import NoPruning
from tests.support.fits import BASE
from tuner import datasets, training
from tuner.datasets import DataSpec
from tuner.studies.study_data import StudyData
from tuner.studies.study_spec import StudySpec
from tuner.training import Directive, TrainingState
from tuner.trials.cross_validation import CrossValidation, CrossValidationResult

pytestmark = pytest.mark.keras

SPACE = catalog.load("mlp")
FOLDS = DataSpec(source="iris", folds=3)


class Watch:
    """Notes what it is told; stops after some epoch or round, with the state of that moment."""

    def __init__(self, *, interrupt: int = 0, prune: int = 0, rest: int = 0, end: int = 0) -> None:
        self.interrupt, self.prune, self.rest, self.end = interrupt, prune, rest, end
        self.epochs: list[int] = []
        self.rounds: list[tuple[int, float, dict[str, float]]] = []
        self.state: TrainingState | None = None

    def epoch_end(self, epoch: int, metrics: Any, snapshot: Any) -> Directive:
        raise AssertionError("epochs of a round are passed, not reported")

    def inner_epoch_end(self, epoch: int, metrics: Any, snapshot: Any) -> Directive:
        self.epochs.append(epoch)
        if epoch == self.interrupt:
            self.state = snapshot()
            return Directive.INTERRUPT
        return Directive.END if epoch == self.end else Directive.CONTINUE

    def round_end(self, number: int, value: float, metrics: Any) -> Directive:
        self.rounds.append((number, value, dict(metrics)))
        if self.state is not None:  # as of a worker that is asked to exit in the last epoch
            return Directive.INTERRUPT
        if number == self.rest:
            return Directive.REST
        return Directive.PRUNE if number == self.prune else Directive.CONTINUE

    def poll(self) -> Directive:
        return Directive.CONTINUE


def run(
    watch: Watch, *, repeats: int = 1, data: DataSpec = FOLDS, **options: Any
) -> CrossValidationResult:
    spec = StudySpec(
        space="mlp",
        space_fingerprint="",
        data=data,
        data_fingerprint="",
        repeats=repeats,
        pruner=NoPruning().to_dict(),
        artifacts="",
    )

    def build(data: Any, seed: int) -> Any:
        with training.seeded(seed):
            return SPACE.build(BASE, data.inputs, data.outputs)

    def train(model: Any, data: Any, **more: Any) -> training.TrainingResult:
        return training.train(model, BASE, data, **more)

    rounds = CrossValidation(spec=spec, data=StudyData(data, datasets.load(data)))
    return rounds.run(train, build, watch, hyperparameters=BASE, seed=11, **options)


def test_a_trial_is_the_mean_of_its_folds() -> None:
    """Each trained as if it were alone."""
    watch = Watch()
    ended = run(watch)
    alone = []
    for fold in range(3):
        data = datasets.load(DataSpec(source="iris", folds=3, fold=fold))
        assert len(data.train) == 80
        alone.append(ended_alone(data, fold))
    result = ended.result
    assert result.best_value == pytest.approx(statistics.fmean(alone), abs=1e-6)
    assert result.metrics["val_loss_std"] == pytest.approx(statistics.stdev(alone), abs=1e-6)
    assert (result.status, result.epochs, result.best_epoch) == ("finished", 3, 3)
    assert [number for number, _, _ in watch.rounds] == [1, 2, 3]
    assert watch.rounds[-1][1] == result.best_value
    assert watch.epochs == list(range(1, 10))


def ended_alone(data: Any, fold: int) -> float:
    from tests.support.fits import fit
    from tuner.search.samplers import trial_seed

    seed = 11 if fold == 0 else trial_seed(11, fold)
    result = fit(data, BASE, seed=seed).result
    assert result is not None
    assert result.best_value is not None
    return result.best_value


@pytest.mark.parametrize("epoch", [2, 3, 4, 8])
def test_an_interrupted_trial_goes_on_where_it_was(epoch: int, tmp_path: Path) -> None:
    """In the middle of a round or at its end; through a file, as a checkpoint is."""
    whole = run(Watch()).result
    first = Watch(interrupt=epoch)
    assert run(first).result.status == "interrupted"
    path = tmp_path / "state.npz"
    assert first.state is not None
    with path.open("wb") as file:
        first.state.save(file)
    second = Watch()
    result = run(second, resume=TrainingState.load(path)).result
    assert result.metrics == pytest.approx(whole.metrics, abs=1e-6)
    assert second.rounds[-1][0] == 3
    assert first.epochs[-1] == epoch


def test_a_trial_that_rests_between_two_rounds_goes_on_with_the_next(tmp_path: Path) -> None:
    """No epoch of it is trained again, and nothing but its scores has to be kept."""
    whole = run(Watch()).result
    rested = run(Watch(rest=1))
    assert (rested.result.status, rested.result.epochs) == ("resting", 1)
    assert rested.state is not None
    path = tmp_path / "state.npz"
    with path.open("wb") as file:
        rested.state.save(file)
    second = Watch()
    result = run(second, resume=TrainingState.load(path)).result
    assert result.metrics == pytest.approx(whole.metrics, abs=1e-6)
    assert second.epochs == list(range(4, 10))


def test_repeats_differ_by_their_seeds_alone() -> None:
    """Two of them have two values, whose deviation is told."""
    ended = run(Watch(), repeats=2, data=DataSpec(source="iris"))
    assert ended.result.epochs == 2
    assert ended.result.metrics["val_loss_std"] > 0


def test_a_pruned_trial_ends_after_its_round() -> None:
    """With the value of that round, and without a deviation."""
    watch = Watch(prune=1)
    result = run(watch).result
    assert (result.status, result.epochs, len(watch.epochs)) == ("pruned", 1, 3)
    assert result.best_value == watch.rounds[0][1]
    assert "val_loss_std" not in result.metrics


def test_a_trial_that_is_ended_early_has_what_it_came_to() -> None:
    """Before its first round was over: its best epoch so far."""
    result = run(Watch(end=2)).result
    assert result.status == "ended"
    assert result.best_value is not None
    assert math.isfinite(result.best_value)
