"""Trainings of a family's models on real data, whole and cut short."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from search_spaces import SearchSpace, catalog
from tests.support.fits import Fit, Recorder, fit
from tuner import datasets
from tuner.datasets import Data, DataSpec
from tuner.training import Directive, TrainingState


def load(family: str, source: str, **fixed: Any) -> tuple[SearchSpace, Data]:
    """A family with some parameters fixed, and a data set as that family is taught by it."""
    space = catalog.load(family, [f"{name}={value}" for name, value in fixed.items()])
    return space, datasets.load(DataSpec(source=source, learns=space.learns))


def train(family: str, source: str | Data, **fixed: Any) -> Fit:
    """The family's defaults, with some parameters fixed, trained to their end."""
    space, data = _loaded(family, source, **fixed)
    return fit(data, point(space), build=space.build)


def _loaded(family: str, source: str | Data, **fixed: Any) -> tuple[SearchSpace, Data]:
    if isinstance(source, str):
        return load(family, source, **fixed)
    return load(family, "iris", **fixed)[0], source


def point(space: SearchSpace) -> Mapping[str, Any]:
    """The defaults."""
    return space.starting_points()[0]


@dataclass
class Keeper(Recorder):
    """Keeps the states after some epochs, as checkpoints do."""

    after: Collection[int] = ()
    states: dict[int, TrainingState] = field(default_factory=dict)

    def epoch_end(self, epoch: int, metrics: Mapping[str, float], snapshot: Any) -> Directive:
        if epoch in self.after:
            self.states[epoch] = snapshot()
        return super().epoch_end(epoch, metrics, snapshot)


def check_resume(family: str, source: str | Data, *, after: Collection[int], **fixed: Any) -> None:
    """A training that goes on from a snapshot, in a new model, is the uninterrupted one.

    Args:
        after: The epochs after which snapshots are taken.
    """
    space, data = _loaded(family, source, **fixed)
    keeper = Keeper(after=after)
    whole = fit(data, point(space), build=space.build, observer=keeper)
    for epoch in after:
        rest = fit(data, point(space), build=space.build, resume=keeper.states[epoch])
        assert rest.epochs == whole.epochs[epoch:] != [], epoch
        for weight, other in zip(rest.model.get_weights(), whole.model.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, other)
