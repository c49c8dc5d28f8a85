"""Rows of a table, or arrays, in; predictions of an exported model out."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.files.artifacts import sha256_of
from tuner.datasets import DataError, structured_arrays
from tuner.datasets.array_names import COLUMN_NAMES
from tuner.datasets.columns.column_kinds import CATEGORY, NUMBER
from tuner.datasets.columns.column_names import in_order, shown
from tuner.datasets.sources import npz, tf_examples
from tuner.datasets.sources.user_files import require_file, require_text
from tuner.errors import UserError, one_line
from tuner.models import unseen_categories
from tuner.models.evaluate import import_keras, load, predict
from tuner.models.output_files import card_path
from tuner.models.prediction_rows import (
    format_of,
    read_columns,
    read_rows,
    read_window,
    source_name,
)
from tuner.models.scores import HALF, Answers, probabilities

if TYPE_CHECKING:
    import keras
    import pandas as pd
    from numpy.typing import NDArray

ASIDE = ("target", "weights", "group", "split_by_time")  # columns that are no features


def predict_table(
    model: str, rows: str | pd.DataFrame, *, header: bool | None = None
) -> pd.DataFrame:
    """Returns the predictions of a model with one answer for each row, as ``predict_rows``."""
    predicted = predict_rows(model, rows, header=header)
    if isinstance(predicted, dict):
        raise UserError(
            f"Expected a model with one answer for each row. Received: {model}, which answers each "
            "pixel or step."
        )
    return predicted


def predict_rows(
    model: str,
    rows: str | pd.DataFrame,
    *,
    header: bool | None = None,
    tell: Callable[[Iterable[str]], object] = tuple,
) -> pd.DataFrame | dict[str, NDArray[Any]]:
    """Returns the predictions of a model for the rows of a table, in their order.

    Or for the arrays of a .npz or .tfrecord file: ``x``, or each of several inputs by its name. The
    card beside the model, if there is one, names the columns and the classes: columns that have
    names are found by them, in whatever order they come; rows without names go by position.

    Args:
        rows: A path, or a table in memory.
        header: Whether the first line of a ``.csv`` names the columns, where the model does not
            know their names; None finds out, and asks where nobody can tell.
        tell: Is given what a user should know of the rows, one line each.

    Returns:
        For classes ``prediction`` and the probability of each, ``p(label)``; for labels the same,
        with those that are more probable than not in ``prediction``, commas between; for a
        regression ``prediction``, or ``prediction_0``, ..., or ``prediction_`` with the names of
        several targets; without a card ``output_0``, ... Of several outputs all of this behind the
        name of each: ``NAME_prediction``. Of a model that answers each pixel or step a dict of
        arrays: ``prediction`` ``(rows, *axes)``, of numbers and labels ``(rows, *axes, units)``,
        and ``probability`` ``(rows, *axes, classes)``.

    Raises:
        DataError: The rows are not such as the model takes.
        UserError: Model or card cannot be read.
    """
    file = require_file(model)
    about = _read_card(card_path(file), file)
    arrays = isinstance(rows, str) and _are_arrays(rows, about)
    table = None if arrays else _read_known(rows, about, header)
    _check_archive(file)
    import_keras()  # takes seconds: what can be refused was refused before
    loaded = load(file)
    if isinstance(rows, str) and arrays:
        table = _read_arrays(rows, loaded, about)
    elif table is None and isinstance(loaded.input, dict):
        kinds = _kinds(loaded, source_name(rows))
        table = read_columns(rows, kinds, (), format_of(about), missing=True)
    elif table is None:
        shape = loaded.input_shape[1:]
        table = read_rows(rows, None, shape, (), header, format_of(about))
    if about.get("vocabularies") and isinstance(table, Mapping):
        tell(unseen_categories.notes(table, about["vocabularies"], source_name(rows)))
    answers = predict(loaded, table)
    if not isinstance(answers, Mapping) and answers.ndim > 2:
        return _arrays(answers, about)
    return _answers(answers, about)


def _check_archive(file: Path) -> None:
    """Refuses what is no model before Keras is imported, which takes seconds."""
    if not zipfile.is_zipfile(file):
        raise UserError(
            f"Expected a model file that Keras can load. Received: {file}, which is no archive as "
            ".keras files are: export the model again."
        )


def _are_arrays(rows: str, about: Mapping[str, Any]) -> bool:
    """Whether a file holds arrays; records of a model that was taught by a table hold columns."""
    if rows.endswith(tf_examples.SUFFIXES):
        return about.get("columns") is None or about.get("target") is None
    return rows.endswith(".npz")


def _read_card(path: Path, model: Path) -> dict[str, Any]:
    """What a card says of the data; nothing where there is no card.

    Raises:
        UserError: It is none, or that of another model.
    """
    if not path.exists():
        return {}
    require_text(require_file(str(path)))
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        about = dict(card["data"])
        expected = card.get("model", {}).get("sha256")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise UserError(
            f"Expected the card of the model, as tuner export writes it. Received: {path} "
            f"({one_line(e)}): move it away or export the model again."
        ) from e
    if expected is not None and expected != sha256_of(model):
        raise UserError(
            f"Expected the model that {path.name} is the card of. Received: {model}, whose bytes "
            "are others: it is damaged, or another model. Export it again, or move the card away."
        )
    return about


def _read_known(rows: str | pd.DataFrame, about: Mapping[str, Any], header: bool | None) -> Any:
    """The rows as the card says that they must be; None where it does not say."""
    names, shape = about.get("columns"), about.get("shape")
    if about.get("shapes"):
        raise _not_a_table(source_name(rows), about["shapes"])
    aside = [about[field] for field in ASIDE if about.get(field) is not None]
    aside += [*(about.get("targets") or ()), *(about.get("dropped") or ())]
    if about.get("window") and names and shape:
        return read_window(rows, names, shape[0], aside, about)
    if about.get("kinds"):
        return read_columns(
            rows, about["kinds"], aside, format_of(about), missing=bool(about.get("impute"))
        )
    if shape is None:
        return None
    return read_rows(rows, names, shape, aside, header, format_of(about))


def _kinds(model: keras.Model, source: str) -> dict[str, str]:
    if any(tensor.shape[1:] != (1,) for tensor in model.input.values()):
        raise _not_a_table(source, list(model.input))
    return {
        name: CATEGORY if tensor.dtype == "string" else NUMBER
        for name, tensor in model.input.items()
    }


def _not_a_table(source: str, names: Collection[str]) -> DataError:
    return DataError(
        f"{source}: expected a .npz file with the arrays {shown(list(names))}, as the "
        "model has several inputs. Received: a table: write them with numpy.savez."
    )


def _read_arrays(
    source: str, model: keras.Model, about: Mapping[str, Any]
) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """The arrays that a model takes, each ``(rows, *shape)``."""
    is_multi_input = isinstance(model.input, dict)
    tensors = model.input if is_multi_input else {"x": model.input}
    if any(tensor.dtype == "string" for tensor in tensors.values()):
        raise DataError(
            f"{source}: expected a table, as the model takes columns of text. Received: arrays."
        )
    members = _members(require_file(source), [*tensors, COLUMN_NAMES])
    _put_in_order(members, about, source)
    arrays = {name: members[name] for name in tensors if members.get(name) is not None}
    for name, tensor in tensors.items():
        shape = tuple(tensor.shape[1:])
        if name not in arrays:
            raise DataError(
                f"{source}: expected the arrays {shown(list(tensors))}. "
                f"Received: {shown(list(members)) or 'none'}: add {name}."
            )
        if arrays[name].shape[1:] != shape or arrays[name].dtype.kind not in "buif":
            raise DataError(
                f"{source}: expected numbers of shape (rows, {', '.join(map(str, shape))}) in "
                f"{name}. Received: {arrays[name].dtype} of shape {arrays[name].shape}."
            )
    if len({len(array) for array in arrays.values()}) > 1:
        counts = ", ".join(f"{len(array)} in {name}" for name, array in arrays.items())
        raise DataError(f"{source}: expected as many rows in every array. Received: {counts}.")
    return arrays if is_multi_input else arrays["x"]


def _put_in_order(members: dict[str, Any], about: Mapping[str, Any], source: str) -> None:
    """Columns of arrays whose names the file brings come in the order that the card tells."""
    own = members.pop(COLUMN_NAMES, None)
    if own is None:
        return
    trained_columns = about.get("columns_of") or {"x": about.get("columns")}
    named = structured_arrays.by_name(own) or {"x": own}
    for name, names in named.items():
        if members.get(name) is not None:
            members[name] = in_order(
                members[name], trained_columns.get(name), source, list(map(str, np.ravel(names)))
            )


def _members(file: Path, names: Collection[str]) -> dict[str, Any]:
    """Arrays ``(rows, ...)`` by name; single values of rows get an axis of their own."""
    is_records = file.suffix in tf_examples.SUFFIXES
    arrays = tf_examples.arrays(file) if is_records else npz.members(file, set(names).__contains__)
    return {
        name: array[:, None] if array is not None and array.ndim == 1 else array
        for name, array in arrays.items()
    }


def _arrays(answers: NDArray[Any], about: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Predictions of places."""
    if about.get("task") == "labels":
        return {"prediction": answers > HALF, "probability": answers}
    if about.get("classes") is None:
        return {"prediction": answers}
    probable = probabilities(answers)
    return {
        "prediction": np.array(about["classes"])[probable.argmax(axis=-1)],
        "probability": probable,
    }


def _answers(answers: Answers, about: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    if isinstance(answers, Mapping):
        outputs = about.get("outputs") or {}
        each = [
            _answers(values, outputs.get(name, {})).add_prefix(f"{name}_")
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
