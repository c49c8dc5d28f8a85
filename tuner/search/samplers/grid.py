"""Every point of a space whose parameters are lists."""

from __future__ import annotations

from itertools import islice
from typing import Any

from search_spaces.space import SearchSpace
from tuner.search.samplers.sampler import Sampler


def grid_point(space: SearchSpace, *, seed: int, number: int) -> dict[str, Any] | None:
    """The point of a trial; None behind the last one. The seed makes no difference."""
    return next(islice(space.grid(), number, None), None)


SAMPLER = Sampler(
    summary="Every combination of listed values.", plan=grid_point, size=lambda s: s.grid_size()
)
