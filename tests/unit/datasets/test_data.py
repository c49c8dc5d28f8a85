"""Data offer raw rows beside the scaled ones, and sizes to check a batch size against."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.datasets import DataSpec, load

PARTS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def data():
    return load(DataSpec(source="diabetes"))


@pytest.mark.parametrize("part", PARTS)
def test_raw_rows_are_those_of_the_scaled_part(data, part):
    scaled = getattr(data, part)
    np.testing.assert_array_equal(data.scaler.transform(data.raw(part)), scaled.x)
    np.testing.assert_allclose(
        data.target_scaler.transform(data.raw_targets(part)), scaled.y, rtol=1e-6
    )


def test_sizes(data):
    assert data.smallest_part == len(data.test) == 88
    assert len(data.train) == 266


def test_an_unknown_part_is_a_mistake_in_the_code(data):
    with pytest.raises(ValueError, match=r"one of train, validation, test\. Received: 'holdout'"):
        data.raw("holdout")
