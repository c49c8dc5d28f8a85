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


def as_file(rows: Any, model: Path) -> Path:
    """Rows in memory as the file that the command line would be given, beside the model."""
    import numpy as np
    import pandas as pd

    if isinstance(rows, Mapping):
        arrays = model.with_name("rows.npz")
        by_name: Any = {name: np.asarray(array) for name, array in rows.items()}
        np.savez(arrays, **by_name)
        return arrays
    from tuner.results.files import card_path

    named = isinstance(rows, pd.DataFrame)
    table = rows if named else pd.DataFrame(np.asarray(rows).reshape(len(rows), -1))
    columns = json.loads(card_path(model).read_text(encoding="utf-8"))["data"].get("columns")
    if not named and len(columns or ()) == len(table.columns):
        table, named = table.set_axis(columns, axis=1), True
    file = model.with_name("rows.csv")
    table.to_csv(file, index=False, header=named)
    return file


def frame(found: Sequence[TrialRecord], study: Study) -> pd.DataFrame:
    """Trials by number: state, values, epochs, hyperparameters and metrics."""
    import pandas as pd

    from tuner.goal import goals_of

    further = [goal.name for goal in goals_of(study)[1:]]
    columns = ["number", "state", "value", "epochs", "best_epoch", "seconds", "failure"]
    columns[3:3] = [f"values_{name}" for name in further]
    table = pd.DataFrame([_row(trial, further) for trial in found])
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
