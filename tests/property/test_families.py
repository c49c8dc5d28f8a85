"""Any point of any family: it is stored as it is, and its model can be trained, saved, opened.

The suite tries a few models of each family. ``POINTS=200 python -m pytest
tests/property/test_families.py`` tries as many of each; the few are the first of those.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import optuna
import pytest

from search_spaces import catalog
from search_spaces.parameters.ranges import Range
from tests.support.space_cases import FEW, SHAPES, SMALL, cases, check_model

POINTS = int(os.environ.get("POINTS", "6"))
STORED = 200


def test_every_family_is_tried() -> None:
    """A new one cannot be forgotten here."""
    assert SHAPES.keys() == SMALL.keys() == catalog.FAMILIES.keys()


@pytest.mark.parametrize("family", catalog.FAMILIES)
def test_any_point_comes_back_from_the_store(family: str) -> None:
    """What Optuna keeps of it gives it again; every value of a list was met, and ends of ranges."""
    met: dict[str, set[Any]] = {}
    for case in cases(family, STORED):
        stored = case.space.encode(case.point)
        assert case.space.suggest(optuna.trial.FixedTrial(stored)) == case.point
        for name, value in case.point.items():
            met.setdefault(name, set()).add(value)
    for name, parameter in case.space.parameters.items():
        if parameter.fixed or name == "loss":  # which depends on the task
            continue
        if parameter.options is not None:
            assert set(parameter.options) <= met[name], name
        elif isinstance(parameter, Range) and not parameter.when:
            ends = (min(met[name]), max(met[name]))
            assert ends == pytest.approx((parameter.low, parameter.high)), name


@pytest.mark.keras
@pytest.mark.parametrize("family", catalog.FAMILIES)
def test_any_model_is_trained_saved_and_opened(family: str, tmp_path: Path) -> None:
    """One step: loss, weights and answers are finite, and the file gives what the model gave."""
    for case in cases(family, FEW.get(family, POINTS)):
        try:
            check_model(case, tmp_path)
        except Exception as e:
            e.add_note(f"{family} of {case.inputs}, {case.outputs}: {dict(case.point)}")
            raise
