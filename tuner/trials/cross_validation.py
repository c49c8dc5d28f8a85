"""Cross-validation: a trial is trained on each fold of the data, and repeated with other seeds.

One such training is a round. Trials are compared by the mean over their rounds, which has less
variance than one training. A round is one step for pruning and in learning curves.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tuner import training
from tuner.datasets import Data
from tuner.search import samplers
from tuner.studies.study_data import StudyData
from tuner.studies.study_spec import StudySpec
from tuner.training.directive import Directive, Observer
from tuner.training.loop import STATUS, Status

if TYPE_CHECKING:
    import keras

    from tuner.training.training_state import TrainingState

STD = "_std"  # suffix of the objective's name: its sample standard deviation over the rounds
EPOCHS = "epochs"  # metric: the mean number of the best epoch


class RoundObserver(Observer, Protocol):
    """Observes a trial of several rounds."""

    def inner_epoch_end(
        self, epoch: int, metrics: Mapping[str, float], snapshot: Callable[[], TrainingState]
    ) -> Directive:
        """Called after an epoch within a round; ``epoch`` counts those of all rounds, from 1."""
        ...

    def round_end(self, number: int, value: float, metrics: Mapping[str, float]) -> Directive:
        """Called after a round.

        Args:
            number: Finished rounds, from 1.
            value: Mean of their best objectives.
            metrics: Means over their best epochs, and the standard deviation of the objective.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class RoundScore:
    """The best objective of a finished round, with the metrics of that epoch."""

    value: float
    metrics: dict[str, float]
    best_epoch: int
    epochs: int


@dataclass(frozen=True, kw_only=True)
class CrossValidationResult:
    """The result of a trial's rounds.

    Attributes:
        result: Over all rounds: ``epochs`` counts rounds; ``score`` measures the last model.
        model: Of the last round.
        data: That this model was trained on.
        state: To go on from where the trial was stopped between two rounds; None elsewhere.
    """

    result: training.TrainingResult
    model: keras.Model
    data: Data
    state: TrainingState | None = None


Train = Callable[..., training.TrainingResult]


def as_defined(
    spec: StudySpec,
    hyperparameters: Mapping[str, Any],
    *,
    study: str,
    number: int,
    keep_last: bool = False,
) -> Train:
    """``training.train`` as a study defines it: but for model, data, seed, observer and resume.

    Args:
        spec: Of the study.
        hyperparameters: Of the trial.
        study: The study's name.
        number: Of the trial.
        keep_last: Keep the last epoch's weights; then no epoch stops the training early.
    """

    def train(model: keras.Model, data: Data, **options: Any) -> training.TrainingResult:
        return training.train(
            model,
            hyperparameters,
            data,
            metrics=spec.metrics,
            objective=spec.main_objective,
            own_callbacks=spec.callbacks,
            study=study,
            number=number,
            epoch_patience=None if keep_last else spec.epoch_patience,
            keep_last=keep_last,
            **options,
        )

    return train


@dataclass(kw_only=True)
class CrossValidation:
    """The rounds of the trials of a study.

    Args:
        spec: Of the study.
        data: Of the study.
    """

    spec: StudySpec
    data: StudyData

    def __len__(self) -> int:
        return self.spec.rounds

    def run(
        self,
        train: Train,
        build: Callable[[Data, int], keras.Model],
        observer: RoundObserver,
        *,
        hyperparameters: Mapping[str, Any],
        seed: int,
        model: keras.Model | None = None,
        resume: TrainingState | None = None,
    ) -> CrossValidationResult:
        """Trains round after round.

        Args:
            train: ``training.train`` with all arguments but model, data, seed, observer, resume.
            build: Builds a model for the data and seed of a round.
            observer: Of the trial.
            hyperparameters: Of the trial, which may decide its data.
            seed: Of the first round; the others are derived from it.
            model: For the first round, as built; None builds it.
            resume: State of an earlier attempt.

        Returns:
            The means over the finished rounds, and the last model.

        Raises:
            Exception: See ``training.train``.
        """
        scores, round_state = _split_rounds(resume)
        seconds, last = 0.0, None
        for number in range(len(scores), len(self)):
            data = self.data.of(hyperparameters, fold=number % self.spec.data.folds)
            round_seed = self._seed(seed, number)
            if model is None or number > 0:
                model = build(data, round_seed)
            inner_observer = _InnerObserver(observer, scores)
            result = train(
                model, data=data, seed=round_seed, observer=inner_observer, resume=round_state
            )
            round_state, seconds = None, seconds + result.seconds
            last = CrossValidationResult(result=result, model=model, data=data)
            if result.status in STATUS.values():
                return self._merge(last, scores, result.status, seconds)
            directive = Directive.CONTINUE
            if result.best_value is not None and result.best_epoch is not None:
                scores = [*scores, _score(result)]
                directive = observer.round_end(
                    len(scores), *mean(scores, self.spec.main_objective.name)
                )
            if result.status == "diverged":
                return self._merge(last, scores, "diverged", seconds)
            if directive is not Directive.CONTINUE and number + 1 < len(self):
                merged = self._merge(last, scores, STATUS[directive], seconds)
                return dataclasses.replace(merged, state=_between_rounds(scores))
        assert last is not None  # every trial has at least one round left
        return self._merge(last, scores, "finished", seconds)

    def _seed(self, seed: int, number: int) -> int:
        return seed if number == 0 else samplers.trial_seed(seed, number)

    def _merge(
        self,
        last: CrossValidationResult,
        scores: Sequence[RoundScore],
        status: Status,
        seconds: float,
    ) -> CrossValidationResult:
        result = last.result
        if not scores and result.best_value is not None:
            scores = [_score(result)]  # interrupted or pruned in its first round: its epochs so far
        value, metrics = mean(scores, self.spec.main_objective.name) if scores else (None, {})
        result = dataclasses.replace(
            result,
            status=status,
            epochs=len(scores),
            best_epoch=len(scores) or None,
            best_value=value,
            metrics=metrics,
            seconds=seconds,
        )
        return dataclasses.replace(last, result=result)


def mean(scores: Sequence[RoundScore], objective: str) -> tuple[float, dict[str, float]]:
    """Means over rounds: the objective, and the metrics with the objective's standard deviation."""
    values = [score.value for score in scores]
    names = [name for name in scores[0].metrics if all(name in score.metrics for score in scores)]
    metrics = {name: statistics.fmean(score.metrics[name] for score in scores) for name in names}
    metrics[EPOCHS] = statistics.fmean(score.best_epoch for score in scores)
    if len(values) > 1 and all(map(math.isfinite, values)):
        metrics[objective + STD] = statistics.stdev(values)
    return statistics.fmean(values), metrics


def _score(result: training.TrainingResult) -> RoundScore:
    assert result.best_value is not None
    assert result.best_epoch is not None
    return RoundScore(
        value=result.best_value,
        metrics=result.metrics,
        best_epoch=result.best_epoch,
        epochs=result.epochs,
    )


class _InnerObserver:
    """Observer of one round: adds the rounds before to epoch numbers and states."""

    def __init__(self, observer: RoundObserver, scores: Sequence[RoundScore]) -> None:
        self._observer, self._done = observer, scores
        self._before = sum(score.epochs for score in scores)

    def epoch_end(
        self, epoch: int, metrics: Mapping[str, float], snapshot: Callable[[], TrainingState]
    ) -> Directive:
        epochs = self._before + epoch
        return self._observer.inner_epoch_end(
            epochs, metrics, lambda: _with_rounds(snapshot(), epochs, self._done)
        )

    def poll(self) -> Directive:
        return self._observer.poll()


def _between_rounds(scores: Sequence[RoundScore]) -> TrainingState:
    """The state after a round, before the first epoch of the next one: nothing but scores."""
    from tuner.training.training_state import TrainingState

    epochs = sum(score.epochs for score in scores)
    return _with_rounds(TrainingState(epoch=0, arrays={}, scalars={}), epochs, scores)


def _with_rounds(state: TrainingState, epochs: int, scores: Sequence[RoundScore]) -> TrainingState:
    rounds: dict[str, Any] = {
        "epoch": state.epoch,
        "done": [dataclasses.asdict(score) for score in scores],
    }
    return dataclasses.replace(state, epoch=epochs, scalars={**state.scalars, "rounds": rounds})


def _split_rounds(state: TrainingState | None) -> tuple[list[RoundScore], TrainingState | None]:
    if state is None:
        return [], None
    rounds = state.scalars["rounds"]
    scores = [RoundScore(**score) for score in rounds["done"]]
    if not rounds["epoch"]:
        return scores, None
    return scores, dataclasses.replace(state, epoch=rounds["epoch"])
