"""Columns of dates: told from text, read in UTC, and as days and places in cycles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.refusals import error_of
from tuner.datasets import DataSpec, load
from tuner.datasets.columns import dates
from tuner.datasets.dataset_profile import profile_dataset


def spec(folder: Path, days, **fields) -> DataSpec:
    """A table of dates, of which those in the second half of a year are ``late``."""
    months = pd.to_datetime(pd.Series(days), format="ISO8601", utc=True).dt.month
    frame = pd.DataFrame({"day": days, "late": np.where(months > 6, "yes", "no")})
    frame.to_csv(folder / "days.csv", index=False)
    return DataSpec(source=str(folder / "days.csv"), target="late", **fields)


def year() -> list[str]:
    return [str(day) for day in np.arange("2023-01-01", "2024-01-01", dtype="datetime64[D]")]


def test_days_are_scaled_and_months_and_weekdays_are_places_on_circles(tmp_path: Path):
    """Of the training part alone; there is no hour, as none varies."""
    data = load(spec(tmp_path, year()))
    (column,) = data.encoder.columns
    assert column.cycles == ("month", "weekday")
    raw = data.raw("train")["day"][:, 0]
    assert str(np.datetime64(column.earliest, "s")) == min(raw)
    days = np.array([pd.Timestamp(text).day_of_year for text in raw], float)
    scaled = (days - days.mean()) / days.std()
    np.testing.assert_allclose(data.train.x[:, 0], scaled, atol=1e-5)
    months = np.array([pd.Timestamp(text).month - 1 for text in raw])
    weekdays = np.array([pd.Timestamp(text).weekday() for text in raw])
    for place, angle in ((1, months / 12), (3, weekdays / 7)):
        circle = np.stack([np.sin(2 * np.pi * angle), np.cos(2 * np.pi * angle)], axis=1)
        np.testing.assert_allclose(data.train.x[:, place : place + 2], circle, atol=1e-6)


def test_times_of_one_day_vary_by_the_hour_only(tmp_path: Path):
    """Afternoons are on the other half of the circle."""
    frame = pd.DataFrame({"at": [f"2024-02-29 {m // 60:02d}:{m % 60:02d}" for m in range(1440)]})
    frame["late"] = frame["at"].str[11:] >= "12:00"
    frame.to_csv(tmp_path / "day.csv", index=False)
    data = load(DataSpec(source=str(tmp_path / "day.csv"), target="late"))
    assert data.encoder.columns[0].cycles == ("hour",)
    sine = data.train.x[:, 1]
    clear = np.abs(sine) > 1e-6
    np.testing.assert_array_equal(sine[clear] < 0, data.train.y[clear] == 1)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-01-31", "2024-01-31T00:00:00"),
        ("2024-01-31 12:30", "2024-01-31T12:30:00"),
        ("2024-01-31T12:30:59.9Z", "2024-01-31T12:30:59"),
        ("2024-01-31T00:30:00+02:00", "2024-01-30T22:30:00"),
        ("1969-12-31T23:59:59-0100", "1970-01-01T00:59:59"),
    ],
)
def test_texts_are_read_in_utc_to_the_second(text: str, utc: str):
    """With or without a time, a zone or fractions; what is missing stays missing."""
    read = dates.read(pd.Series([text, None]), "here")
    assert dates.as_text(read).tolist() == [utc, ""]


def test_a_date_that_is_missing_is_the_median_in_the_middle_of_circles(tmp_path: Path):
    """It has no season: all its sines and cosines are zero, and a column says so."""
    days = year()
    asked = spec(tmp_path, days, impute=True)
    frame = pd.read_csv(asked.source)
    frame.loc[::10, "day"] = None
    frame.to_csv(asked.source, index=False)
    data = load(asked)
    missing = data.raw("train")["day"][:, 0] == ""
    assert missing.any()
    np.testing.assert_array_equal(data.train.x[:, 1], missing)
    assert abs(np.median(data.train.x[~missing, 0]) - data.train.x[missing, 0]).max() < 1e-5
    assert not data.train.x[missing, 2:].any()


def test_a_date_that_is_none_is_named_with_its_row(tmp_path: Path):
    """A day that does not exist, or a word, in a column of dates."""
    days = year()
    asked = spec(tmp_path, days)
    for wrong in ("2023-02-30", "soon"):
        text = Path(asked.source).read_text().splitlines()
        text[3] = f"{wrong},no"
        Path(asked.source).write_text("\n".join(text))
        assert f"Received: '{wrong}' in data row 3" in error_of(asked)


def test_dates_without_any_in_training_are_refused(tmp_path: Path):
    """There is no median to impute."""
    asked = spec(tmp_path, year(), impute=True)
    Path(asked.source).write_text("day,late\n" + ",no\n,yes\n" * 20)
    assert "expected a value in column 'day'" in error_of(asked)


def test_a_portrait_shows_the_first_and_the_last(tmp_path: Path):
    """As days, where all times are midnight."""
    (column,) = profile_dataset(spec(tmp_path, year())).columns
    assert (column.kind, column.low, column.high) == ("date", "2023-01-01", "2023-12-31")


def test_columns_with_dates_are_not_learned_themselves(tmp_path: Path):
    """A model that makes rows would have to make texts."""
    assert "columns of numbers only" in error_of(spec(tmp_path, year(), learns="rows"))
