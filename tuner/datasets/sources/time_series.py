"""Tables as time series: windows of their rows, and the values that follow.

Rows come in the order of their times, of which a table has at most one column; without one in that
of the file. Of several series (``--group``) each has windows of its own. A stretch ends where a
value is missing or a time is left out: where two neighbours are further apart than usual, more than
``DataSpec.gap`` times the median distance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuner.datasets.columns import column_kinds, dates, row_times
from tuner.datasets.columns.column_names import shown
from tuner.datasets.data_spec import DataSpec
from tuner.datasets.errors import DataError
from tuner.datasets.raw_data import PARTS, Arrays, Rows
from tuner.datasets.split import folds, group_time, windows
from tuner.errors import did_you_mean, quoted

if TYPE_CHECKING:
    import pandas as pd


def read(
    frame: pd.DataFrame, target: str, clock: str | None, times: NDArray[Any] | None, spec: DataSpec
) -> Arrays:
    """Returns windows ``(windows, length, columns)`` and what follows them, in three parts.

    Args:
        frame: The table, without columns that are not used.
        target: The column that is predicted; one of the columns of a window unless others are
            named.
        clock: The column of times.
        times: Of each row, numbers ``(rows,)``; None where the file's order is all that is known.
        spec: ``arguments`` holds the length of the windows, ``window`` the longest that is tried.

    Raises:
        DataError: A column holds no numbers, or a part is too short for a window.
    """
    names = _columns(frame, clock, spec)
    for name in dict.fromkeys((*names, target)):
        column_kinds.check_numeric(frame[name], spec.source, what="column of a window")
    groups = _groups(frame, spec)
    order = np.lexsort((np.arange(len(frame)) if times is None else times, groups))
    values = frame[names].to_numpy(dtype=np.float64)[order]
    goal = frame[target].to_numpy(dtype=np.float64)[order]
    groups, times = groups[order], None if times is None else times[order]
    ranks = _ranks(groups, times)
    usable = np.isfinite(values).all(axis=1) & np.isfinite(goal)
    stretches = _stretches(groups, times, spec)
    assert spec.window is not None
    length = spec.arguments.get("window", spec.window)
    parts = {}
    for part, inside in _parts(ranks, spec).items():
        belongs = np.isin(np.arange(len(ranks)), inside)
        ends = windows.find_ends(
            stretches, usable=usable & belongs, longest=spec.window, horizon=spec.horizon
        )
        _check_windows(ends, part, len(inside), spec)
        x, y = windows.cut(values, ends, length), windows.ahead(goal, ends, spec.horizon)
        parts[part] = Rows(x=x, y=y)
    steps = windows.steps(target, spec.horizon)
    others = tuple(str(name) for name in frame.columns if str(name) not in {*names, target})
    return Arrays(
        parts=parts,
        windows=True,
        columns=tuple(names),
        targets=None if steps is None else tuple(steps),
        dropped=others,
        notes=_notes(stretches, groups, usable, spec),
    )


def find_times(frame: pd.DataFrame, target: str, spec: DataSpec) -> str | None:
    """Returns the column that holds times: the one that was named, or the only one with dates.

    Raises:
        DataError: Several columns hold dates.
    """
    if spec.split_by_time is not None:
        return spec.split_by_time
    not_times = {target, spec.group, *spec.columns, *spec.drop}
    columns = (frame[name] for name in frame.columns if str(name) not in not_times)
    found = [str(column.name) for column in columns if dates.are_dates(column)]
    if len(found) > 1:
        raise DataError(
            f"{spec.source}: expected one column of times. Received: {shown(found)}: name it with "
            "--split-by-time."
        )
    return found[0] if found else None


def latest_window(frame: pd.DataFrame, spec: DataSpec) -> pd.DataFrame:
    """Returns the latest rows of a series: by their times, or in the order of the file without.

    Args:
        frame: The table.
        spec: Which columns hold times, series and values, and the rows of a window; ``source`` is
            for messages.

    Raises:
        DataError: There are too few rows, several series, or a time that is missing, there twice,
            or left out among the latest rows.
    """
    assert spec.window is not None
    length = spec.window
    if spec.group in frame.columns and frame[spec.group].nunique() > 1:
        raise DataError(
            f"{spec.source}: expected the rows of one series. Received: "
            f"{frame[spec.group].nunique()} in column {quoted(str(spec.group))}: give those of one."
        )
    if len(frame) < length:
        raise DataError(
            f"{spec.source}: expected {length} rows or more, the window of the model. "
            f"Received: {len(frame)}: add those before them."
        )
    name = find_times(frame, str(spec.target), spec)
    if name is None or name not in frame.columns:
        return frame.iloc[-length:]
    column_kinds.check_complete(frame[name], spec.source)
    times = row_times.as_numbers(frame[name], spec.source)
    order = np.argsort(times, kind="stable")
    _check_steps(times[order], spec)
    return frame.iloc[order[-length:]]


def _check_steps(times: NDArray[Any], spec: DataSpec) -> None:
    """Checks that no time is left out among the latest, nor there twice.

    Args:
        times: Ascending, ``(rows,)``.
        spec: ``window`` says how many of the latest count.

    Raises:
        DataError: One is.
    """
    assert spec.window is not None
    apart = np.diff(times.astype(np.float64))
    latest = apart[len(apart) - (spec.window - 1) :]
    if (latest <= 0).any() or (latest > spec.gap * np.median(apart)).any():
        raise DataError(
            f"{spec.source}: expected the latest {spec.window} rows one after another, as in the "
            "windows of the training. Received: a time that is left out, or is there twice: "
            "correct the rows."
        )


def _columns(frame: pd.DataFrame, clock: str | None, spec: DataSpec) -> list[str]:
    """The columns of a window: those that were named, or all that hold numbers."""
    there = [str(name) for name in frame.columns]
    for name in spec.columns:
        if name not in there:
            raise DataError(
                f"{spec.source}: expected --columns to be columns of the table. "
                f"Received: {quoted(name)}.{did_you_mean(name, there)}"
            )
    return list(spec.columns) or [name for name in there if name not in (spec.group, clock)]


def _groups(frame: pd.DataFrame, spec: DataSpec) -> NDArray[np.int64]:
    if spec.group is None:
        return np.zeros(len(frame), np.int64)
    names = frame[spec.group].astype(str).to_numpy()
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _ranks(groups: NDArray[np.int64], times: NDArray[Any] | None) -> NDArray[np.int64]:
    """When each row is, among all; without times by its place within its group."""
    if times is not None:
        return np.unique(times, return_inverse=True)[1].astype(np.int64)
    sizes = np.bincount(groups)
    place = np.arange(len(groups)) - (np.cumsum(sizes) - sizes)[groups]
    return (place * sizes.max()) // sizes[groups]


def _stretches(
    groups: NDArray[np.int64], times: NDArray[Any] | None, spec: DataSpec
) -> NDArray[np.int64]:
    """A number for each row, which changes where a group ends or a time is left out."""
    breaks = groups[1:] != groups[:-1]
    if times is not None and len(times) > 1:
        apart = np.diff(times.astype(np.float64))
        inside = apart[~breaks]
        if len(inside) and (inside <= 0).any():
            raise DataError(
                f"{spec.source}: expected one row for each time. Received: several with the "
                "same one: name the column that tells series apart with --group, or remove rows."
            )
        usual = np.median(inside) if len(inside) else np.inf
        breaks = breaks | (apart > spec.gap * usual)
    return np.concatenate([[0], np.cumsum(breaks)]).astype(np.int64)


def _parts(ranks: NDArray[np.int64], spec: DataSpec) -> dict[str, NDArray[np.int64]]:
    """The rows of each part: the latest test, those before them validate."""
    fractions = {"validation": spec.validation, "test": spec.test}
    if spec.folds == 1:
        parts = group_time.split_by_time(ranks, fractions)
    else:
        parts = group_time.split_by_time(ranks, {"test": spec.test})
        rows = parts["train"]
        parts |= folds.chain(
            rows, ranks[rows], folds=spec.folds, fold=spec.fold, longest=spec.max_train_rows
        )
    return {part: parts[part] for part in PARTS}


def _check_windows(ends: NDArray[np.int64], part: str, rows: int, spec: DataSpec) -> None:
    if not len(ends):
        raise DataError(
            f"{spec.source}: expected {spec.window} + {spec.horizon} rows without a gap in each "
            f"part, for a window and what it predicts. Received: none such among {rows} of the "
            f"{part} part: take a shorter window or horizon, larger parts or a larger --gap."
        )


def _notes(
    stretches: NDArray[np.int64],
    groups: NDArray[np.int64],
    usable: NDArray[np.bool_],
    spec: DataSpec,
) -> tuple[str, ...]:
    gaps, missing = int(stretches[-1]) - int(groups[-1]), int((~usable).sum())
    if not gaps and not missing:
        return ()
    return (
        f"{spec.source}: no window reaches over {gaps} gap{'s' * (gaps != 1)} in time and "
        f"{missing} row{'s' * (missing != 1)} with a missing value.",
    )
