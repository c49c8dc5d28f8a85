"""Trains a trial again from the store alone, and says whether it came out the same.

The same versions, threads and device give the same numbers, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces.space import SearchSpace
from storage import workers
from storage.database.engine import Store
from storage.studies import Study
from storage.trials import TrialRecord
from tuner.errors import UserError
from tuner.resources.device import Device
from tuner.studies.loading import load_data, load_space, require_trained_here
from tuner.studies.study_data import StudyData
from tuner.studies.study_spec import StudySpec

if TYPE_CHECKING:
    import keras

    from tuner.datasets import Data
    from tuner.training import Directive, TrainingResult, TrainingState
    from tuner.trials.cross_validation import Train

OBJECTIVE = "val_loss"
TOLERANCE = 1e-6  # of the objective; other threads add in another order
ENDED = ("complete", "pruned", "failed")

Epoch = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class RetrainedModel:
    """A trial that was trained outside its study.

    Attributes:
        model: Takes scaled rows; holds the weights of the best epoch, or of the last one.
        data: That it was trained on; of a trial of several rounds, in the last one.
        curve: The metrics of each epoch or round, with ``epoch`` among them.
    """

    model: keras.Model
    data: Data
    result: TrainingResult
    curve: list[Epoch]


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """What a study's trials are trained with.

    Attributes:
        study: The study's name.
        space: The study's own, its source unchanged.
        data: The study's own, those of each trial.
    """

    study: str
    spec: StudySpec
    space: SearchSpace
    data: StudyData

    @classmethod
    def of(cls, study: Study) -> Retraining:
        """Loads what the study's definition names.

        Raises:
            SpaceError: The space cannot be loaded here.
            StoreError: Space or data are not what they were.
            UserError: The data cannot be loaded here.
        """
        spec = StudySpec.from_dict(study.spec)
        space, data = load_space(spec), StudyData(spec.data, load_data(spec))
        return cls(study=study.name, spec=spec, space=space, data=data)

    def data_of(self, trial: TrialRecord) -> Data:
        """The data that a trial's model was trained on, see ``StudyData.of_model``."""
        return self.data.of_model(trial.hyperparameters)

    def repeat(self, trial: TrialRecord) -> RetrainedModel:
        """Trains as the trial was trained, up to where it ended.

        Raises:
            UserError: Memory ran out.
        """
        if self.spec.rounds == 1:
            return self.train(trial, epochs=trial.epoch)
        from tuner.trials.cross_validation import CrossValidation

        assert trial.seed is not None
        watch = _Watch(trial.epoch)
        rounds = CrossValidation(spec=self.spec, data=self.data)
        with self._memory_for(trial):
            ended = rounds.run(
                self._as_defined(trial),
                lambda data, seed: self.build(trial, data, seed),
                watch,
                hyperparameters=trial.hyperparameters,
                seed=trial.seed,
            )
        return RetrainedModel(
            model=ended.model, data=ended.data, result=ended.result, curve=watch.curve
        )

    def train(
        self, trial: TrialRecord, *, epochs: int, data: Data | None = None, keep_last: bool = False
    ) -> RetrainedModel:
        """Trains with a trial's hyperparameters and seed.

        Args:
            epochs: After which to stop; schedules still reckon with the trial's own number.
            data: In place of the trial's.
            keep_last: Keep the last epoch's weights; then no epoch stops the training early.

        Raises:
            UserError: Memory ran out.
        """
        assert trial.seed is not None
        data = data or self.data_of(trial)
        model, watch = self.build(trial, data, trial.seed), _Watch(epochs)
        with self._memory_for(trial):
            train = self._as_defined(trial, keep_last=keep_last)
            result = train(model, data, seed=trial.seed, observer=watch)
        return RetrainedModel(model=model, data=data, result=result, curve=watch.curve)

    def build(self, trial: TrialRecord, data: Data, seed: int) -> keras.Model:
        """Builds the model of a trial, as yet untrained."""
        from tuner import training

        with training.seeded(seed), training.precision(self.spec.precision):
            return self.space.construct(
                trial.hyperparameters, data.inputs, data.outputs, number=trial.number
            )

    def _as_defined(self, trial: TrialRecord, *, keep_last: bool = False) -> Train:
        from tuner.trials.cross_validation import as_defined

        return as_defined(
            self.spec,
            trial.hyperparameters,
            study=self.study,
            number=trial.number,
            keep_last=keep_last,
        )

    @contextmanager
    def _memory_for(self, trial: TrialRecord) -> Iterator[None]:
        from tuner import training

        try:
            yield
        except training.OutOfMemory as e:
            raise UserError(
                f"Expected memory enough to train trial {trial.number} again. Received: {e}"
            ) from e


class _Watch:
    """Notes every epoch, or every round, and ends the training after so many."""

    def __init__(self, epochs: int) -> None:
        from tuner.training import Directive

        self._epochs, self._go_on, self._end = epochs, Directive.CONTINUE, Directive.END
        self.curve: list[Epoch] = []

    def epoch_end(
        self, epoch: int, metrics: Mapping[str, float], snapshot: Callable[[], TrainingState]
    ) -> Directive:
        self.curve.append({"epoch": epoch, **metrics})
        return self._end if epoch >= self._epochs else self._go_on

    def inner_epoch_end(
        self, epoch: int, metrics: Mapping[str, float], snapshot: Callable[[], TrainingState]
    ) -> Directive:
        return self._go_on

    def round_end(self, number: int, value: float, metrics: Mapping[str, float]) -> Directive:
        self.curve.append({"epoch": number, **metrics})
        return self._end if number >= self._epochs else self._go_on

    def poll(self) -> Directive:
        return self._go_on


@dataclass(frozen=True, kw_only=True)
class RetrainingComparison:
    """Two trainings of the same trial.

    Attributes:
        epochs: That were compared.
        identical: Whether every validation loss is the same, bit for bit. Metrics of training are
            not asked: they are sums over graph calls whose lengths follow the machine's speed.
        difference: The largest one between the validation losses of an epoch; infinite where
            only one of them is finite, or where one training ended earlier.
        epoch: Where that is; None where there is no difference.
        unit: How large a loss is that would be 1 of scaled targets.
    """

    epochs: int
    identical: bool
    difference: float
    epoch: int | None
    unit: float = 1.0

    @property
    def same(self) -> bool:
        """Whether the loss came out the same, but for rounding."""
        return self.difference <= TOLERANCE * self.unit


def require_ended(study: Study, trial: TrialRecord) -> TrialRecord:
    """Returns a trial that can be trained again and compared.

    Raises:
        UserError: It is not over, or ended before its first epoch, or was not trained by us.
    """
    require_trained_here(study)
    if trial.state not in ENDED or not trial.epoch or trial.seed is None:
        state = "failed before its first epoch" if trial.state == "failed" else f"is {trial.state}"
        raise UserError(
            f"Expected a trial that has ended and finished an epoch. Received: trial "
            f"{trial.number}, which {state}: see: tuner trials {study.typed}"
        )
    return trial


def device_of(store: Store, study: Study, trial: TrialRecord) -> Device:
    """What the trial's worker trained on; one thread where nobody knows any more."""
    devices = {worker.worker_id: worker.device for worker in workers.list_workers(store, study)}
    return Device.parse(devices.get(trial.worker or "", ""))


def compare(
    before: Sequence[Epoch], after: Sequence[Epoch], *, unit: float = 1.0
) -> RetrainingComparison:
    """Compares two learning curves, epoch by epoch.

    Args:
        unit: See ``Comparison``.
    """
    differences = {
        int(old["epoch"]): _difference(old[OBJECTIVE], new[OBJECTIVE])
        for old, new in zip(before, after, strict=False)
    }
    if len(before) != len(after):
        differences[min(len(before), len(after)) + 1] = math.inf
    worst = max(differences, key=lambda epoch: differences[epoch], default=None)
    difference = 0.0 if worst is None else differences[worst]
    return RetrainingComparison(
        epochs=min(len(before), len(after)),
        identical=difference == 0.0,
        difference=difference,
        epoch=worst if difference else None,
        unit=unit,
    )


def _difference(one: float, other: float) -> float:
    if _alike(one, other):
        return 0.0
    difference = abs(one - other)
    return difference if math.isfinite(difference) else math.inf


def _alike(one: Any, other: Any) -> bool:
    return bool(one == other or (one != one and other != other))
