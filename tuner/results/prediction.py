"""Rows of a table, or arrays, in; predictions of an exported model out."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.datasets import DataError, columns, frames, tfrecords
from tuner.datasets.columns import CATEGORY, NUMBER
from tuner.datasets.encoding import by_column
from tuner.datasets.files import require_file
from tuner.datasets.sources import npz
from tuner.errors import UserError, one_line
from tuner.results.evaluation import import_keras, load, predict
from tuner.results.files import card_path
from tuner.results.scores import HALF, Answers, probabilities

if TYPE_CHECKING:
    import keras
    import pandas as pd
    from numpy.typing import NDArray

ASIDE = ("target", "weights", "group", "split_by_time")  # columns that are no features


def predict_table(model: str, rows: str) -> pd.DataFrame:
    """Returns the predictions of a model for the rows of a table, in their order.

    Or for the arrays of a .npz or .tfrecord file: ``x``, or each of several inputs by its name. The
    card beside the model, if there is one, names the columns and the classes.

    Returns:
        For classes ``prediction`` and the probability of each, ``p(label)``; for labels the same,
        with those that are more probable than not in ``prediction``, commas between; for a
        regression ``prediction``, or ``prediction_0``, ..., or ``prediction_`` with the names of
        several targets; without a card ``output_0``, ... Of several outputs all of this behind the
        name of each: ``NAME_prediction``.

    Raises:
        DataError: The rows are not such as the model takes.
        UserError: Model or card cannot be read.
    """
    file = require_file(model)
    about = _read_card(card_path(file))
    records = rows.endswith(tfrecords.SUFFIXES) and about.get("columns") is None
    arrays = records or rows.endswith(".npz")
    table = None if arrays else _read_known(rows, about)
    import_keras()  # takes seconds: what can be refused was refused before
    loaded = load(file)
    if arrays:
        table = _read_arrays(rows, loaded)
    elif table is None and isinstance(loaded.input, dict):
        table = _read_columns(rows, _kinds(loaded, rows), (), missing=True)
    elif table is None:
        table = _read_rows(rows, None, loaded.input_shape[1:], ())
    return _answers(predict(loaded, table), about)


def _read_card(path: Path) -> dict[str, Any]:
    """What a card says of the data; nothing where there is no card."""
    if not path.exists():
        return {}
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["data"]
        return dict(about)
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise UserError(
            f"Expected the card of the model, as tuner export writes it. Received: {path} "
            f"({one_line(e)}): move it away or export the model again."
        ) from e


def _read_known(rows: str, about: Mapping[str, Any]) -> Any:
    """The rows as the card says that they must be; None where it does not say."""
    names, shape = about.get("columns"), about.get("shape")
    if about.get("shapes"):
        raise _not_a_table(rows, about["shapes"])
    aside = [about[field] for field in ASIDE if about.get(field) is not None]
    aside += about.get("targets") or ()
    if about.get("kinds"):
        return _read_columns(rows, about["kinds"], aside, missing=about.get("impute", False))
    return None if shape is None else _read_rows(rows, names, shape, aside)


def _kinds(model: keras.Model, source: str) -> dict[str, str]:
    if any(tensor.shape[1:] != (1,) for tensor in model.input.values()):
        raise _not_a_table(source, list(model.input))
    return {
        name: CATEGORY if tensor.dtype == "string" else NUMBER
        for name, tensor in model.input.items()
    }


def _not_a_table(source: str, names: Collection[str]) -> DataError:
    return DataError(
        f"{source}: expected a .npz file with the arrays {columns.shown(list(names))}, as the "
        "model has several inputs. Received: a table: write them with numpy.savez."
    )


def _read_arrays(source: str, model: keras.Model) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """The arrays that a model takes, each ``(rows, *shape)``."""
    several = isinstance(model.input, dict)
    tensors = model.input if several else {"x": model.input}
    if any(tensor.dtype == "string" for tensor in tensors.values()):
        raise DataError(
            f"{source}: expected a table, as the model takes columns of text. Received: arrays."
        )
    members = _members(require_file(source), list(tensors))
    found = {name: members[name] for name in tensors if members.get(name) is not None}
    for name, tensor in tensors.items():
        shape = tuple(tensor.shape[1:])
        if name not in found:
            raise DataError(
                f"{source}: expected the arrays {columns.shown(list(tensors))}. "
                f"Received: {columns.shown(list(members)) or 'none'}: add {name}."
            )
        if found[name].shape[1:] != shape or found[name].dtype.kind not in "buif":
            raise DataError(
                f"{source}: expected numbers of shape (rows, {', '.join(map(str, shape))}) in "
                f"{name}. Received: {found[name].dtype} of shape {found[name].shape}."
            )
    if len({len(array) for array in found.values()}) > 1:
        told = ", ".join(f"{len(array)} in {name}" for name, array in found.items())
        raise DataError(f"{source}: expected as many rows in every array. Received: {told}.")
    return found if several else found["x"]


def _members(file: Path, names: Collection[str]) -> dict[str, Any]:
    """Arrays ``(rows, ...)`` by name; single values of rows get an axis of their own."""
    is_records = file.suffix in tfrecords.SUFFIXES
    found = tfrecords.arrays(file) if is_records else npz.members(file, names)
    return {
        name: array[:, None] if array is not None and array.ndim == 1 else array
        for name, array in found.items()
    }


def _read_columns(
    source: str, kinds: Mapping[str, str], aside: Collection[str], *, missing: bool
) -> dict[str, NDArray[Any]]:
    """Columns of several kinds, each ``(rows, 1)``.

    Args:
        missing: Whether values may be missing.
    """
    texts = [name for name, kind in kinds.items() if kind != NUMBER]
    table = frames.read(require_file(source), text=texts)
    table = columns.select(table, list(kinds), aside, source)
    columns.check_kinds(table, kinds, source, missing=missing)
    return by_column(columns.structured(table, kinds, source))


def _read_rows(
    source: str, names: Sequence[str] | None, shape: Sequence[int | None], aside: Collection[str]
) -> NDArray[np.float64]:
    file = require_file(source)
    if names is not None:
        table = columns.select(frames.read(file), names, aside, source)
    else:
        table = frames.read(file, header=False)
        if not all(columns.is_number(str(value)) for value in table.iloc[0]):
            table = frames.read(file)  # the first line is no row
        _check_count(table, shape, source)
    kinds = dict.fromkeys(table.columns, NUMBER)
    columns.check_kinds(table, kinds, source, missing=False)
    values: NDArray[np.float64] = table.to_numpy(dtype=np.float64)
    return values.reshape(-1, *(size or 1 for size in shape))


def _check_count(table: pd.DataFrame, shape: Sequence[int | None], source: str) -> None:
    wanted = math.prod(size or 1 for size in shape)
    if len(table.columns) != wanted:
        raise DataError(
            f"{source}: expected {wanted} columns, as many values as a row of the model has. "
            f"Received: {len(table.columns)}: add or remove columns."
        )


def _answers(answers: Answers, about: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    if isinstance(answers, Mapping):
        known = about.get("outputs") or {}
        each = [
            _answers(values, known.get(name, {})).add_prefix(f"{name}_")
            for name, values in answers.items()
        ]
        return pd.concat(each, axis=1)
    if "task" not in about:
        return pd.DataFrame(answers).add_prefix("output_")
    classes: Any = about["classes"]
    names: Any = about.get("targets")
    if about["task"] == "labels":
        chosen = [", ".join(np.array(names)[row]) for row in answers > HALF]
        return _probable(answers, names, chosen)
    if classes is None:
        values = pd.DataFrame(answers, columns=names)
        if answers.shape[1] > 1:
            return values.add_prefix("prediction_")
        return values.set_axis(["prediction"], axis=1)
    probable = probabilities(answers)
    return _probable(probable, classes, [classes[i] for i in probable.argmax(axis=1)])


def _probable(
    probable: NDArray[np.floating[Any]], labels: Sequence[Any], chosen: Sequence[Any]
) -> pd.DataFrame:
    import pandas as pd

    shown = pd.DataFrame(probable, columns=[f"p({label})" for label in labels])
    shown.insert(0, "prediction", chosen)
    return shown
