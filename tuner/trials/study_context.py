"""What all trials of one study share in a worker."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from search_spaces.space import SearchSpace
from storage.database.engine import Store
from storage.files.artifacts import Artifacts
from storage.studies import Study
from tuner.datasets import Data
from tuner.search.flat_study import FlatStudy
from tuner.search.suggester import Suggester
from tuner.studies.constraints import MEMORY, PARAMETERS, Constraint
from tuner.studies.study_data import StudyData
from tuner.studies.study_spec import StudySpec
from tuner.trials.model_files import BestModels

if TYPE_CHECKING:
    from tuner.trials.cross_validation import CrossValidation


@dataclass
class TrainingTime:
    """Wall-clock time that a worker has spent inside training, in seconds."""

    seconds: float = 0.0


@dataclass(kw_only=True)
class StudyContext:
    """One study in one worker.

    Attributes:
        stopping: Set when this worker is asked to exit.
        training_time: Of all trials of this worker so far.
        best_models: Files of the best trials' models.
    """

    store: Store
    study: Study
    spec: StudySpec
    space: SearchSpace
    artifacts: Artifacts
    stopping: threading.Event
    training_time: TrainingTime = field(default_factory=TrainingTime)
    best_models: BestModels = field(init=False)

    def __post_init__(self) -> None:
        self.best_models = BestModels(self.store, self.study, self.artifacts, keep=self.spec.keep)
        self._flat_study = FlatStudy(self.store, self.study, self.spec.seed)

    def end_if_flat(self) -> None:
        """Finishes the study if it was asked to end when it is flat, and is; raises as a claim."""
        if self.spec.stop_when_flat:
            self._flat_study.end_if_flat()


@dataclass(kw_only=True)
class TrainingContext(StudyContext):
    """One study in one worker, whose models this program builds and trains.

    Attributes:
        data: The study's: those of the defaults where trials search what their data are made of.
        study_data: The data of each trial.
        constraints: Of the user, and those that follow from limits of a model's size.
        suggester: Proposes hyperparameters.
        cross_validation: Folds and repeats of each trial.
    """

    data: Data
    constraints: tuple[Constraint, ...] = field(init=False)
    study_data: StudyData = field(init=False)
    suggester: Suggester = field(init=False)
    cross_validation: CrossValidation = field(init=False)

    def __post_init__(self) -> None:
        from tuner.trials.cross_validation import CrossValidation

        super().__post_init__()
        limits = (PARAMETERS, self.spec.max_parameters), (MEMORY, self.spec.max_memory)
        sizes = [f"{name}<={limit}" for name, limit in limits if limit is not None]
        self.constraints = tuple(map(Constraint, (*self.spec.constraints, *sizes)))
        self.study_data = StudyData(self.spec.data, self.data)
        self.cross_validation = CrossValidation(spec=self.spec, data=self.study_data)
        self.suggester = Suggester(self.store, self.study, self.spec, self.space)
