"""Scalings are fitted as written at the top of the module, and constant columns do no harm."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.datasets import DataError, DataSpec, load
from tuner.datasets.scaling import fit, shares_unit

COLUMNS = np.array([[1.0, 10.0, 7.0], [3.0, 30.0, 7.0], [5.0, 80.0, 7.0]])


def scaled(values, scaling, **options):
    options = {"same_unit": False, "what": "values", **options}
    return fit([values], scaling, **options).transform(values)


def test_standard_gives_mean_0_and_deviation_1_to_each_column():
    result = scaled(COLUMNS, "standard")
    np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(result.std(axis=0), [1, 1, 0], atol=1e-6)


def test_minmax_gives_0_to_1_to_each_column():
    result = scaled(COLUMNS, "minmax")
    np.testing.assert_allclose(result.min(axis=0), [0, 0, 0])
    np.testing.assert_allclose(result.max(axis=0), [1, 1, 0])


def test_one_unit_gives_one_scale_and_keeps_ratios():
    result = scaled(COLUMNS, "minmax", same_unit=True)
    np.testing.assert_allclose(result, (COLUMNS - 1) / 79, rtol=1e-6)


def test_none_scales_nothing():
    assert fit([COLUMNS], "none", same_unit=False, what="values") is None


def test_a_constant_column_is_exactly_0_though_its_mean_is_rounded():
    values = np.full((1000, 1), 0.1)
    assert not scaled(values, "standard").any()


def test_a_column_constant_in_training_does_not_blow_up_elsewhere():
    scaler = fit([COLUMNS], "standard", same_unit=False, what="values")
    assert scaler.transform(np.array([[1.0, 10.0, 9.0]]))[0, 2] == 2.0


def test_large_numbers_with_small_differences_keep_them():
    """The mean is subtracted first: times 1/spread plus an offset would lose these digits."""
    values = 1e6 + np.arange(8.0).reshape(8, 1)
    result = scaled(values, "standard")
    np.testing.assert_allclose(np.diff(result[:, 0]), 1 / np.arange(8.0).std(), rtol=1e-5)


@pytest.mark.parametrize("scaling", ["standard", "minmax"])
def test_differences_that_keras_would_lose_are_refused(scaling):
    values = np.array([[1.0, 1e-9], [2.0, 2e-9], [3.0, 3e-9]])
    with pytest.raises(DataError, match=r"column 1, counted from 0"):
        scaled(values, scaling)


def test_many_rows_are_summed_in_pieces_without_loss():
    values = np.random.default_rng(0).normal(5.0, 3.0, (10_000, 2))
    scaler = fit([values], "standard", same_unit=False, what="values")
    np.testing.assert_allclose(scaler.centre, values.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scaler.spread, values.std(axis=0), rtol=1e-6)


def test_images_and_bytes_share_a_unit():
    assert shares_unit(np.zeros((2, 8, 8)))
    assert shares_unit(np.zeros((2, 64), dtype=np.uint8))
    assert not shares_unit(np.zeros((2, 64)))


def test_scalings_are_fitted_on_the_training_part_alone(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"x_train": rng.normal(size=(40, 2)), "y_train": rng.normal(size=40)}
    arrays |= {"x_test": 100 + rng.normal(size=(9, 2)), "y_test": 100 + rng.normal(size=9)}
    np.savez(tmp_path / "a.npz", **arrays)
    data = load(DataSpec(source=str(tmp_path / "a.npz")))
    np.testing.assert_allclose(data.train.x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(data.train.y.std(), 1, atol=1e-6)
    assert data.test.x.min() > 50
    assert data.test.y.min() > 50


def test_targets_are_left_in_their_unit_with_none():
    data = load(DataSpec(source="diabetes", scaling="none"))
    np.testing.assert_array_equal(data.train.y, data.raw_targets("train").astype(np.float32))
    assert data.target_unit == "unit of the targets"


def test_the_unit_of_the_loss_is_stated():
    data = load(DataSpec(source="diabetes"))
    spread = data.raw_targets("train").std()
    assert data.target_unit == f"standard deviations of the training targets ({spread:.4g})"
    assert load(DataSpec(source="iris")).target_unit is None
