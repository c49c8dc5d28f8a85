"""Tables: trials as data frames, and rows in memory as the files that commands take."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from storage.studies import Study
    from storage.trials import TrialRecord


WINDOWS = 3  # axes of windows of a time series: windows, rows, columns


def as_rows(rows: Any, model: Path) -> str | pd.DataFrame:
    """Rows in memory as ``predict_rows`` takes them: a table, or a file beside the model.

    Columns of a data frame go by their names, where those of the training rows have some; arrays
    go by position. A model of a time series takes windows, or a table, whose last rows are one.

    Raises:
        DataError: Names differ, or there are more or fewer columns than there are names.
    """
    import numpy as np
    import pandas as pd

    from tuner.datasets import DataError
    from tuner.datasets.columns.column_names import in_order, names_of, shown
    from tuner.datasets.table_store import as_pandas, is_frame
    from tuner.models.output_files import card_path

    if is_frame(rows):
        rows = as_pandas(rows)
    about = json.loads(card_path(model).read_text(encoding="utf-8"))["data"]
    if isinstance(rows, Mapping):
        if about.get("kinds") or not (about.get("shapes") or "x" in rows):
            raise DataError(
                "Expected rows as a data frame or an array, as the model has a single input. "
                f"Received: a dict of {shown(list(map(str, rows)))}: make a pandas.DataFrame of it."
            )
        columns_of = about.get("columns_of") or {}
        inputs: Any = {
            name: np.asarray(
                in_order(
                    values, columns_of.get(name), f"x[{name!r}]", aside=about.get("dropped") or ()
                )
            )
            for name, values in rows.items()
        }
        np.savez(model.with_name("rows.npz"), **inputs)
        return str(model.with_name("rows.npz"))
    if about.get("window") and np.ndim(rows) == WINDOWS:
        np.savez(model.with_name("rows.npz"), x=np.asarray(rows))
        return str(model.with_name("rows.npz"))
    has_columns = isinstance(rows, pd.DataFrame)
    table = rows if has_columns else pd.DataFrame(np.asarray(rows).reshape(len(rows), -1))
    if has_columns and names_of(rows) is not None:
        return table
    return table if about.get("columns") is None else _named(table, about["columns"])


def _named(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    from tuner.datasets import DataError

    if len(names) != len(table.columns):
        raise DataError(
            f"Expected {len(names)} columns, as the training rows have. "
            f"Received: {len(table.columns)} without names: add or remove columns."
        )
    return table.set_axis(list(names), axis=1)


def frame(trials: Sequence[TrialRecord], study: Study) -> pd.DataFrame:
    """Trials by number: state, values, epochs, hyperparameters and metrics."""
    import pandas as pd

    from tuner.studies.objective import objectives_of

    further = [objective.name for objective in objectives_of(study)[1:]]
    columns = ["number", "state", "value", "epochs", "best_epoch", "seconds", "failure"]
    columns[3:3] = [f"values_{name}" for name in further]
    table = pd.DataFrame([_row(trial, further) for trial in trials])
    return table.reindex(columns=[*columns, *(c for c in table if c not in columns)]).set_index(
        "number"
    )


def _row(trial: TrialRecord, further: Sequence[str]) -> dict[str, Any]:
    named = zip(further, trial.further, strict=False)  # a trial that is not complete has none
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        **{f"values_{name}": value for name, value in named},
        "epochs": trial.epoch,
        "best_epoch": trial.best_epoch,
        "seconds": trial.seconds,
        "failure": None if trial.failure is None else trial.failure.message,
        **{f"params_{name}": value for name, value in trial.hyperparameters.items()},
        **trial.metrics,
    }
