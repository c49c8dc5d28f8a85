"""The bundled sets are what their descriptions say, and load into parts that fit together."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.datasets import NAMES, DataSpec, describe, describe_all, load
from tuner.datasets.sources.bundled import SETS


@pytest.mark.parametrize("name", SETS)
def test_the_facts_shown_without_loading_are_true(name):
    """Rows, shape, task and classes are those of the loaded data."""
    facts, data = describe(name), load(DataSpec(source=name))
    parts = (data.train, data.validation, data.test)
    assert facts.rows == sum(len(part) for part in parts)
    assert facts.shape == data.inputs.shape
    assert facts.task == data.outputs.task
    assert facts.classes == (data.classes and len(data.classes))


@pytest.mark.parametrize("name", SETS)
def test_parts_are_finite_contiguous_float32(name):
    """Labels are int32, numbers to be predicted float32, one for each row."""
    data = load(DataSpec(source=name))
    for part in (data.train, data.validation, data.test):
        assert part.x.dtype == np.float32
        assert part.x.flags.c_contiguous
        assert np.isfinite(part.x).all()
        assert part.y.dtype == (np.int32 if data.classes else np.float32)
        assert part.x.shape == (len(part), *data.inputs.shape)
        assert len(part.y) == len(part)


def test_every_name_is_described():
    """In the order in which the names are listed."""
    assert [row.name for row in describe_all()] == list(NAMES)


def test_digits_share_one_scale_so_that_blank_pixels_stay_small():
    """Two pixels are blank in every row and many in nearly all: none of them is blown up."""
    data = load(DataSpec(source="digits"))
    assert data.scaler.centre.ndim == 0
    assert np.abs(data.train.x).max() < 3
    assert np.abs(data.test.x).max() < 3
