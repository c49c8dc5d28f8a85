"""A scrambled Sobol sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from search_spaces.space import SearchSpace
from tuner.search.samplers.sampler import Sampler


def sobol_point(space: SearchSpace, *, seed: int, number: int) -> dict[str, Any] | None:
    """The point of a scrambled Sobol sequence, which fills a space evenly.

    Owen, "Scrambling Sobol' and Niederreiter-Xing Points", 1998. None for a space whose
    parameters are not known before it runs.
    """
    if not space.declared_whole:
        return None
    from scipy.stats import qmc  # takes a second to import

    free = [name for name, parameter in space.parameters.items() if not parameter.fixed]
    if not free:
        return space.spread(dict.fromkeys(space.parameters, 0.0))
    sequence = qmc.Sobol(len(free), scramble=True, rng=np.random.default_rng(seed))
    fractions = sequence.fast_forward(number).random(1)[0] if number else sequence.random(1)[0]
    below_one = np.minimum(fractions, np.nextafter(1, 0))
    chosen = dict(zip(free, map(float, below_one), strict=True))
    return space.spread({**dict.fromkeys(space.parameters, 0.0), **chosen})


SAMPLER = Sampler(summary="A Sobol sequence: fills the space evenly.", plan=sobol_point)
