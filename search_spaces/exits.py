"""How several outputs leave a model: by their names, and side by side in one matrix as it trains.

The model of a space answers with each output by its name. Behind it stands what lays them side by
side, for as long as it trains: so all that trains, measures and keeps a model handles one answer
as always. The one that leaves the project answers with a dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.errors import SpaceError
from search_spaces.shapes import Outputs

if TYPE_CHECKING:
    import keras

SIDE_BY_SIDE = "side_by_side"


def check_exits(model: keras.Model, outputs: Outputs, name: str) -> None:
    """Checks that a model has each output by its name; one with a single output may be anything.

    Args:
        name: Of the space.

    Raises:
        SpaceError: It is no functional model, or its outputs have other names or units.
    """
    if outputs.heads is None:
        return
    found = _units(model)
    if found == {name: (head.units,) for name, head in outputs.heads.items()}:
        return
    first, head = next(iter(outputs.heads.items()))
    told = " and ".join(f"{name} {units}" for name, units in found.items())
    raise SpaceError(
        f"Expected {name} to build a functional model with the outputs {spelt(outputs)}. "
        f"Received: {told or type(model).__name__}: make them as "
        f"keras.layers.Dense({head.units}, {head.activation!r}, name={first!r})."
    )


def named_exits(model: keras.Model) -> dict[str, Any]:
    """Returns the outputs of a functional model by their names, or by those of their layers."""
    given = model.output
    if isinstance(given, Mapping):
        return dict(given)
    return {tensor._keras_history.operation.name: tensor for tensor in model.outputs}


def side_by_side(answers: Mapping[str, Any], outputs: Outputs) -> Any:
    """Returns several answers as one, float32 ``(batch, outputs.units)``.

    Args:
        answers: Each ``(batch, units)`` by its name.
    """
    import keras

    # In half precision a loss would lose what it is made of.
    together = keras.layers.Concatenate(name=SIDE_BY_SIDE, dtype="float32")
    return together([answers[name] for name in outputs.heads or ()])


def spelt(outputs: Outputs) -> str:
    """``digit (10,) and ink (1,)``."""
    *most, last = (f"{name} ({head.units},)" for name, head in (outputs.heads or {}).items())
    return f"{', '.join(most)} and {last}" if most else last


def _units(model: keras.Model) -> dict[str, tuple[int, ...]]:
    """Of each output by name; none of a model that is not functional."""
    import keras

    if type(model) is not keras.src.models.functional.Functional:
        return {}
    return {name: tuple(tensor.shape[1:]) for name, tensor in named_exits(model).items()}
