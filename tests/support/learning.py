"""Trainings of a family's models on real data, whole and cut short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    if isinstance(source, str):
        space, data = load(family, source, **fixed)
    else:
        space, data = load(family, "iris", **fixed)[0], source
    return fit(data, point(space), build=space.build)


def point(space: SearchSpace) -> Mapping[str, Any]:
    """The defaults."""
    return space.starting_points()[0]


@dataclass
class Keeper(Recorder):
    """Keeps the state after an epoch, and ends there."""

    stop_after: int = 1
    state: TrainingState | None = None

    def epoch_end(self, epoch: int, metrics: Mapping[str, float], snapshot: Any) -> Directive:
        super().epoch_end(epoch, metrics, snapshot)
        if epoch < self.stop_after:
            return Directive.CONTINUE
        self.state = snapshot()
        return Directive.INTERRUPT


def check_resume(family: str, source: str, *, stop_after: int, **fixed: Any) -> None:
    """A training that goes on from a snapshot, in a new model, is the uninterrupted one."""
    space, data = load(family, source, **fixed)
    whole = fit(data, point(space), build=space.build)
    keeper = Keeper(stop_after=stop_after)
    fit(data, point(space), build=space.build, observer=keeper)
    assert keeper.state is not None
    rest = fit(data, point(space), build=space.build, resume=keeper.state)
    assert rest.epochs == whole.epochs[stop_after:] != []
    for weight, other in zip(rest.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
