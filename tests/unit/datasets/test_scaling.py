"""Scalings are fitted as written at the top of the module, and constant columns do no harm."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.datasets import DataError, DataSpec, load
from tuner.datasets.chunks import BYTES, ROWS, Chunks
from tuner.datasets.scaling import fit, shares_unit

COLUMNS = np.array([[1.0, 10.0, 7.0], [3.0, 30.0, 7.0], [5.0, 80.0, 7.0]])


def scaled(values, scaling, **options):
    options = {"same_unit": False, "what": "values", **options}
    return fit([values], scaling, **options).transform(values)


def test_standard_gives_mean_0_and_deviation_1_to_each_column():
    """A constant column becomes zero."""
    result = scaled(COLUMNS, "standard")
    np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(result.std(axis=0), [1, 1, 0], atol=1e-6)


def test_minmax_gives_0_to_1_to_each_column():
    """A constant column becomes zero."""
    result = scaled(COLUMNS, "minmax")
    np.testing.assert_allclose(result.min(axis=0), [0, 0, 0])
    np.testing.assert_allclose(result.max(axis=0), [1, 1, 0])


def test_one_unit_gives_one_scale_and_keeps_ratios():
    """The lowest value of all is 0 and the highest 1."""
    result = scaled(COLUMNS, "minmax", same_unit=True)
    np.testing.assert_allclose(result, (COLUMNS - 1) / 79, rtol=1e-6)


def test_none_scales_nothing():
    """There is no scaler."""
    assert fit([COLUMNS], "none", same_unit=False, what="values") is None


def test_a_constant_column_is_exactly_0_though_its_mean_is_rounded():
    """A thousand times 0.1 has no spread."""
    values = np.full((1000, 1), 0.1)
    assert not scaled(values, "standard").any()


def test_a_column_constant_in_training_does_not_blow_up_elsewhere():
    """It is divided by one."""
    scaler = fit([COLUMNS], "standard", same_unit=False, what="values")
    assert scaler.transform(np.array([[1.0, 10.0, 9.0]]))[0, 2] == 2.0


def test_large_numbers_with_small_differences_keep_them():
    """The mean is subtracted first: times 1/spread plus an offset would lose these digits."""
    values = 1e6 + np.arange(8.0).reshape(8, 1)
    result = scaled(values, "standard")
    np.testing.assert_allclose(np.diff(result[:, 0]), 1 / np.arange(8.0).std(), rtol=1e-5)


@pytest.mark.parametrize("scaling", ["standard", "minmax"])
def test_differences_that_keras_would_lose_are_refused(scaling):
    """Its epsilon is larger than they are; the column is named."""
    values = np.array([[1.0, 1e-9], [2.0, 2e-9], [3.0, 3e-9]])
    with pytest.raises(DataError, match=r"column 1, counted from 0"):
        scaled(values, scaling)


def test_many_rows_are_summed_in_pieces_without_loss():
    """Mean and deviation are NumPy's for the whole."""
    values = np.random.default_rng(0).normal(5.0, 3.0, (10_000, 2))
    scaler = fit([values], "standard", same_unit=False, what="values")
    np.testing.assert_allclose(scaler.centre, values.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scaler.spread, values.std(axis=0), rtol=1e-6)


def test_images_and_bytes_share_a_unit():
    """Pixels are scaled together, columns of numbers each by itself."""
    assert shares_unit(np.zeros((2, 8, 8)))
    assert shares_unit(np.zeros((2, 64), dtype=np.uint8))
    assert not shares_unit(np.zeros((2, 64)))


def test_scalings_are_fitted_on_the_training_part_alone(tmp_path):
    """Test rows far away stay far away."""
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
    """And the loss is said to be in that unit."""
    data = load(DataSpec(source="diabetes", scaling="none"))
    np.testing.assert_array_equal(data.train.y, data.raw_targets("train").astype(np.float32))
    assert data.target_unit == "unit of the targets"


def test_the_unit_of_the_loss_is_stated():
    """That of the targets; in studies of earlier versions it was of scaled ones."""
    data = load(DataSpec(source="diabetes"))
    assert (data.target_unit, data.loss_unit) == ("unit of the targets", "targets")
    data = load(DataSpec(source="diabetes", in_unit=False))
    spread = data.raw_targets("train").std()
    assert data.target_unit == f"standard deviations of the training targets ({spread:.4g})"
    assert data.loss_unit is None
    assert load(DataSpec(source="iris")).target_unit is None


def seconds(rows: int = 288) -> np.ndarray:
    """Every five minutes of a day, as seconds since 1970, ``(rows, 1)``."""
    return 1.7e9 + 300.0 * np.arange(rows)[:, None]


def saved(tmp_path, **arrays) -> str:
    np.savez(tmp_path / "large.npz", **arrays)
    return str(tmp_path / "large.npz")


@pytest.mark.parametrize("integers", [False, True])
def test_numbers_that_float32_cannot_hold_are_centred_first(tmp_path, integers):
    """Unix seconds as a feature, and a target that differs in its last digits."""
    x = seconds().astype(np.int64 if integers else float)
    y = 1.7e9 + 5 * (np.arange(288) % 185)
    data = load(DataSpec(source=saved(tmp_path, x=x, y=y), task="regression"))
    for part in ("train", "test"):
        rows = data.selections[part].indices
        train = data.selections["train"].indices
        for found, raw in ((getattr(data, part).x, x), (getattr(data, part).y, y)):
            expected = (raw[rows] - raw[train].mean()) / raw[train].astype(float).std()
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert not data.notes


def test_a_table_centres_first_as_well(tmp_path):
    """Unix seconds in a table stay different from each other after scaling."""
    lines = [f"{int(t)},{i % 3},{'yn'[i % 2]}" for i, t in enumerate(seconds().ravel())]
    (tmp_path / "t.csv").write_text("\n".join(["time,kind,ill", *lines]))
    spec = DataSpec(source=str(tmp_path / "t.csv"), target="ill", impute=True)
    assert len(np.unique(load(spec).train.x[:, 0])) == len(load(spec).train.x)


def test_studies_of_before_go_on_as_they_began(tmp_path):
    """What they wrote says nothing of it: values are rounded to float32 before they are centred."""
    source = saved(tmp_path, x=seconds(), y=np.arange(288.0))
    old = {name: v for name, v in DataSpec(source=source).to_dict().items() if name != "exact"}
    before, now = load(DataSpec.from_dict(old)), load(DataSpec(source=source))
    assert before.fingerprint == now.fingerprint
    assert before.scaler.dtype == "float32"
    rounded = seconds().astype(np.float32)[before.selections["train"].indices]
    expected = fit([rounded], "standard", same_unit=False, what="x").transform(rounded)
    np.testing.assert_array_equal(before.train.x, expected)


@pytest.mark.parametrize(
    ("x", "scaling"),
    [
        (1.7e9 + (seconds() - 1.7e9) / 60, "none"),
        (np.append(np.linspace(0, 1, 287), 1e12)[:, None], "minmax"),
    ],
)
def test_columns_that_still_collapse_are_told(tmp_path, x, scaling):
    """A column whose values become equal in float32 is named on a short line."""
    source = saved(tmp_path, x=x, y=np.arange(288) % 2)
    (note,) = load(DataSpec(source=source, scaling=scaling, test=0.01, validation=0.01)).notes
    assert "different values of column 0 of x are" in note
    assert len(note) <= 300


def test_ordinary_columns_are_not_told_of(tmp_path):
    """Columns of usual values, small or large, bring no note."""
    x = np.random.default_rng(0).normal(size=(5000, 3)) * [1, 1e-3, 1e9]
    assert not load(DataSpec(source=saved(tmp_path, x=x, y=np.arange(5000) % 2))).notes


def test_chunks_of_large_rows_hold_few_of_them():
    """A chunk takes what it may, down to a single row, and all chunks together have all rows."""
    for width, most in ((10, ROWS * (BYTES // 40 // ROWS)), (BYTES // 40, 10), (BYTES, 1)):
        array = np.broadcast_to(np.float32(1), (3 * most + 1, width))
        lengths = [len(chunk) for chunk in Chunks(array, np.arange(len(array)))]
        assert lengths == [most, most, most, 1]
