"""Whether a model can be loaded again from its file, found out before anybody depends on it.

Keras saves layers that nobody can load: those that are not registered, a ``Lambda`` of a Python
function, layers whose ``get_config`` leaves something out. Plain Keras then refuses the file, or
loads another model than was trained.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.errors import text_of
from search_spaces.user_code.isolation import isolated, original
from storage.files.scratch import scratch
from tuner.errors import UserError

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

ROWS = 4  # that both models are asked for
LONGEST = 80  # characters of what Keras says
CLOSE = 1e-3  # between two answers to the same row, which may be computed in another order

REMEDY = (
    "give layers of your own keras.saving.register_keras_serializable() and a full get_config(), "
    "and none a Python lambda"
)


def check_reload(model: keras.Model, what: str, rows: NDArray[Any] | None = None) -> None:
    """Saves a model, loads it, and asks both the same.

    Args:
        what: Whose model it is, such as ``net.py:build``.
        rows: A few rows that it takes ``(rows, *shape)``; None asks nothing.

    Raises:
        UserError: It cannot be saved or loaded, or the loaded one answers differently.
    """
    try:
        with isolated(f"the model of {what}"):
            before = [] if rows is None else [_asked(model, rows) for _ in range(2)]
            loaded = _loaded(model)
            same = rows is None or _alike(before, _asked(loaded, rows))
    except Exception as e:  # whatever layers of the user's own raise
        raise _refused(what, _gist(original(e))) from e
    if not same:
        raise _refused(what, "one that answers differently when it is loaded")


def _loaded(model: keras.Model) -> keras.Model:
    import keras

    with scratch() as folder:
        path = folder / "model.keras"
        model.save(path)
        return keras.saving.load_model(path, compile=False)


def _asked(model: keras.Model, rows: NDArray[Any]) -> list[NDArray[Any]]:
    import keras

    return [np.asarray(one) for one in keras.tree.flatten(model(rows[:ROWS], training=False))]


def _alike(before: list[Any], after: Any) -> bool:
    """Whether a loaded model answers as the model did; one that varies by itself may vary."""
    first, second = before
    return not _close(first, second) or _close(first, after)


def _close(one: list[NDArray[Any]], other: list[NDArray[Any]]) -> bool:
    return len(one) == len(other) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=CLOSE, atol=CLOSE, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def _gist(error: BaseException) -> str:
    """The first sentence of what Keras says, which writes paragraphs.

    It wraps an error once for each layer around it: the innermost says what is wrong.
    """
    _, _, innermost = text_of(error).rpartition("Exception encountered: ")
    sentence = re.split(r"[.!?]\s", " ".join(innermost.split()), maxsplit=1)[0].rstrip(".")
    named = re.match(r"\w+(Error|Exception): ", sentence)
    reason = sentence if named else f"{type(error).__name__}: {sentence}"
    return textwrap.shorten(reason, LONGEST, placeholder=" ...")


def _refused(what: str, received: str) -> UserError:
    return UserError(
        f"Expected a model of {what} that can be loaded again from its file. Received: "
        f"{received}: {REMEDY}."
    )
