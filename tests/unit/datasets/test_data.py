"""Data offer raw rows beside the scaled ones, and sizes to check a batch size against."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from search_spaces import Outputs
from tuner.datasets import DataSpec, load

PARTS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def data():
    return load(DataSpec(source="diabetes"))


@pytest.mark.parametrize("part", PARTS)
def test_raw_rows_are_those_of_the_scaled_part(data, part):
    """Scaled again they are equal, row by row, features and targets."""
    scaled = getattr(data, part)
    np.testing.assert_array_equal(data.scaler.transform(data.raw(part)), scaled.x)
    np.testing.assert_allclose(
        data.target_scaler.transform(data.raw_targets(part)), scaled.y, rtol=1e-6
    )


def test_sizes(data):
    """The test part of 442 rows is a fifth."""
    assert len(data.test) == 88
    assert len(data.train) == 266


def test_an_unknown_part_is_a_mistake_in_the_code(data):
    """It is a ValueError that names the parts, not a message for users."""
    with pytest.raises(ValueError, match=r"one of train, validation, test\. Received: 'holdout'"):
        data.raw("holdout")


@pytest.mark.parametrize("source", ["digits", "iris", "sequence-sum"])
@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
def test_rows_may_be_their_own_targets(source, scaling):
    """Flattened, and scaled as the rows are: a model that copies its rows has no loss."""
    data = load(DataSpec(source=source, scaling=scaling, learns="rows"))
    for part in (data.train, data.validation, data.test):
        np.testing.assert_array_equal(part.y, part.x.reshape(len(part), -1))
    plain = dataclasses.replace(data.outputs, unit=None)
    assert plain == Outputs.for_task("regression", math.prod(data.inputs.shape))
    assert (data.outputs.unit is None) == (scaling == "none")
    assert data.loss_unit == (None if scaling == "none" else "scaled")
    raw = data.raw("test")
    np.testing.assert_array_equal(data.raw_targets("test"), raw.reshape(len(raw), -1))
    assert data.fingerprint != load(DataSpec(source=source, scaling=scaling)).fingerprint
