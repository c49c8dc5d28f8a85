"""A trial that is trained several times: on each fold of the data, and again with other seeds.

Trials are then compared by the mean of their rounds, a smaller chance find than a single training.
Each round counts as one step for pruning and in learning curves; the epochs within are its own.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tuner import datasets, samplers, training
from tuner.datasets import Data
from tuner.study import StudySpec
from tuner.training.loop import Status
from tuner.training.observing import Directive, Observer

if TYPE_CHECKING:
    import keras

    from tuner.training.state import TrainingState

SPREAD = "_std"  # after a metric's name: its standard deviation over the rounds
EPOCHS = "epochs"  # the metric that says how many were best, on average

STATUS: dict[Directive, Status] = {
    Directive.PRUNE: "pruned",
    Directive.END: "ended",
    Directive.INTERRUPT: "interrupted",
}


class RoundObserver(Observer, Protocol):
    """Watches a trial of several rounds."""

    def passed(
        self, epoch: int, metrics: Mapping[str, float], snapshot: Callable[[], TrainingState]
    ) -> Directive:
        """An epoch of some round is finished; ``epoch`` counts those of all rounds."""
        ...

    def round_end(self, number: int, value: float, metrics: Mapping[str, float]) -> Directive:
        """A round is finished.

        Args:
            number: Finished rounds, from 1.
            value: The mean of their best objectives.
            metrics: Means over them, of their best epochs, and the spread of the objective.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a finished round came to."""

    value: float
    metrics: dict[str, float]
    best_epoch: int
    epochs: int


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A trial's rounds are over.

    Attributes:
        result: Of all of them: ``epochs`` counts rounds, ``score`` is that of the last one.
        model: Of the last round that was finished; the one that is kept.
        data: That it was trained on.
    """

    result: training.TrainingResult
    model: keras.Model
    data: Data


Train = Callable[..., training.TrainingResult]


@dataclass(kw_only=True)
class Rounds:
    """The rounds of the trials of a study.

    Args:
        spec: Of the study.
        data: The first fold.
    """

    spec: StudySpec
    data: Data

    def __post_init__(self) -> None:
        self._folds: dict[int, Data] = {0: self.data}

    def __len__(self) -> int:
        return self.spec.rounds

    def fold(self, number: int) -> Data:
        """The data of a round; every fold is loaded once."""
        fold = number % self.spec.data.folds
        if fold not in self._folds:
            spec = dataclasses.replace(self.spec.data, fold=fold)
            self._folds[fold] = datasets.load_shared(spec)
        return self._folds[fold]

    def run(
        self,
        train: Train,
        build: Callable[[Data, int], keras.Model],
        observer: RoundObserver,
        *,
        seed: int,
        model: keras.Model | None = None,
        resume: TrainingState | None = None,
    ) -> Ended:
        """Trains round after round.

        Args:
            train: ``training.train`` but for the model, the data, the seed, the observer and the
                state to go on from.
            build: Makes a model for data and a seed.
            seed: Of the first round; those of others follow from it.
            model: For the first round, as built.
            resume: Where an earlier attempt left off.

        Raises:
            Exception: As ``training.train``.
        """
        done, inner = _unpacked(resume)
        seconds, ended = 0.0, None
        for number in range(len(done), len(self)):
            data, own_seed = self.fold(number), self._seed(seed, number)
            if model is None or number > 0:
                model = build(data, own_seed)
            watch = _WithinRound(observer, done)
            result = train(model, data=data, seed=own_seed, observer=watch, resume=inner)
            inner, seconds = None, seconds + result.seconds
            ended = Ended(result=result, model=model, data=data)
            if result.status in STATUS.values():
                return self._ended(ended, done, result.status, seconds)
            directive = Directive.CONTINUE
            if result.best_value is not None and result.best_epoch is not None:
                done = [*done, _score(result)]
                directive = observer.round_end(len(done), *mean(done, self.spec.goal.name))
            if result.status == "diverged":
                return self._ended(ended, done, "diverged", seconds)
            if directive is not Directive.CONTINUE and number + 1 < len(self):
                return self._ended(ended, done, STATUS[directive], seconds)
        assert ended is not None  # a trial whose rounds are all over has ended
        return self._ended(ended, done, "finished", seconds)

    def _seed(self, seed: int, number: int) -> int:
        return seed if number == 0 else samplers.trial_seed(seed, number)

    def _ended(self, ended: Ended, done: Sequence[Score], status: Status, seconds: float) -> Ended:
        result = ended.result
        if not done and result.best_value is not None:
            done = [_score(result)]  # better than to have nothing
        value, metrics = mean(done, self.spec.goal.name) if done else (None, {})
        result = dataclasses.replace(
            result,
            status=status,
            epochs=len(done),
            best_epoch=len(done) or None,
            best_value=value,
            metrics=metrics,
            seconds=seconds,
        )
        return dataclasses.replace(ended, result=result)


def mean(done: Sequence[Score], objective: str) -> tuple[float, dict[str, float]]:
    """The mean objective of rounds, and the means of their metrics with the objective's spread."""
    values = [score.value for score in done]
    names = [name for name in done[0].metrics if all(name in score.metrics for score in done)]
    metrics = {name: statistics.fmean(score.metrics[name] for score in done) for name in names}
    metrics[EPOCHS] = statistics.fmean(score.best_epoch for score in done)
    if len(values) > 1 and all(map(math.isfinite, values)):
        metrics[objective + SPREAD] = statistics.stdev(values)
    return statistics.fmean(values), metrics


def _score(result: training.TrainingResult) -> Score:
    assert result.best_value is not None
    assert result.best_epoch is not None
    return Score(
        value=result.best_value,
        metrics=result.metrics,
        best_epoch=result.best_epoch,
        epochs=result.epochs,
    )


class _WithinRound:
    """Watches one round: its epochs are passed on, with the rounds before in each state."""

    def __init__(self, observer: RoundObserver, done: Sequence[Score]) -> None:
        self._observer, self._done = observer, done
        self._before = sum(score.epochs for score in done)

    def epoch_end(
        self, epoch: int, metrics: Mapping[str, float], snapshot: Callable[[], TrainingState]
    ) -> Directive:
        epochs = self._before + epoch
        return self._observer.passed(
            epochs, metrics, lambda: _packed(snapshot(), epochs, self._done)
        )

    def poll(self) -> Directive:
        return self._observer.poll()


def _packed(state: TrainingState, epochs: int, done: Sequence[Score]) -> TrainingState:
    rounds: dict[str, Any] = {
        "epoch": state.epoch,
        "done": [dataclasses.asdict(score) for score in done],
    }
    return dataclasses.replace(state, epoch=epochs, scalars={**state.scalars, "rounds": rounds})


def _unpacked(state: TrainingState | None) -> tuple[list[Score], TrainingState | None]:
    if state is None:
        return [], None
    rounds = state.scalars["rounds"]
    done = [Score(**score) for score in rounds["done"]]
    return done, dataclasses.replace(state, epoch=rounds["epoch"])
