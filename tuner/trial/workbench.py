"""What all trials of one study share in a worker."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from search_spaces.space import SearchSpace
from storage.artifacts import Artifacts
from storage.engine import Store
from storage.studies import Study
from tuner.datasets import Data
from tuner.results.models import ModelShelf
from tuner.rounds import Rounds
from tuner.study import StudySpec
from tuner.trial.choosing import Chooser


@dataclass
class Effort:
    """Time that a worker has spent inside training, in seconds."""

    seconds: float = 0.0


@dataclass(kw_only=True)
class Workbench:
    """One study in one worker.

    Attributes:
        stopping: Set when this worker is asked to exit.
        effort: Added to as trials are trained.
    """

    store: Store
    study: Study
    spec: StudySpec
    space: SearchSpace
    data: Data
    artifacts: Artifacts
    stopping: threading.Event
    effort: Effort = field(default_factory=Effort)
    chooser: Chooser = field(init=False)
    shelf: ModelShelf = field(init=False)
    rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        self.rounds = Rounds(spec=self.spec, data=self.data)
        self.chooser = Chooser(self.store, self.study, self.spec, self.space)
        self.shelf = ModelShelf(self.store, self.study, self.artifacts, keep=self.spec.keep)
