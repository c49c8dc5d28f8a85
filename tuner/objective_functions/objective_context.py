"""What a worker keeps of a study whose trials an objective function trains."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.objective_function import ObjectiveFunction
from search_spaces.parameters import overrides as override_texts
from storage.sampling.trial_storage import TrialStorage
from tuner.datasets import Data
from tuner.resources.device import Device
from tuner.search.past_scores import PastScores
from tuner.search.suggester import read_past
from tuner.trials.study_context import StudyContext

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class ObjectiveContext(StudyContext):
    """One study in one worker, whose objective function trains.

    Attributes:
        data: Handed to the function; None where the study has none.
        device: That trials may use.
        past: What past studies found.
        storage: What samplers and the function see of the study.
    """

    data: Data | None
    device: Device
    storage: TrialStorage = field(init=False)
    past: PastScores | None = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.past = read_past(self.store, self.study) if self.spec.past else None
        self.storage = TrialStorage(self.store, reports=not self.study.further)
        self._unknown = set(self.function.overrides)

    @property
    def function(self) -> ObjectiveFunction:
        """The study's objective function."""
        assert isinstance(self.space, ObjectiveFunction)
        return self.space

    def note_suggested(self, names: Iterator[str] | Mapping[str, Any]) -> None:
        """Warns once of overrides of parameters that the function has not suggested."""
        suggested = {*names, *map(override_texts.general, names)}
        unknown, self._unknown = self._unknown - suggested, set()
        for name in sorted(unknown):
            logger.warning(
                "--set %s narrows nothing yet: %s did not suggest such a parameter",
                name,
                self.function.name,
            )
