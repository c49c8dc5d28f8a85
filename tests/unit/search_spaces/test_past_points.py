"""Past points in a space: what is in its ranges is taken, all else is counted."""

from __future__ import annotations

from typing import Any

from search_spaces import Choice, Float, Inputs, Int, Outputs, SearchSpace
from search_spaces.define_by_run import FunctionSpace
from search_spaces.objective_function import ObjectiveFunction
from search_spaces.past_points import map_points

INPUTS, OUTPUTS = Inputs(shape=(4,)), Outputs.for_task("classes", 3)


class Net(SearchSpace):
    units = Int(16, 64, step=16)
    rate = Float(0.001, 0.1, log=True)
    kind = Choice(["a", "b", "c"])
    size = Choice([8, 16, 32])

    def build(self, hyperparameters: Any, inputs: Any, outputs: Any) -> Any: ...


def test_values_outside_names_unknown_and_missing():
    """Ordered lists become indices; a whole number that was stored as 32.0 is one."""
    past = [
        {"units": 32.0, "rate": 0.01, "kind": "b", "old": 3},
        {"units": 40, "rate": 1.0, "kind": "z", "size": 32, "older": 4},
    ]
    mapped = map_points(Net(["rate=0.002..0.1:log"]), past, INPUTS, OUTPUTS)
    assert mapped.points == ({"units": 32, "rate": 0.01, "kind": "b"}, {"size": 2})
    assert mapped.outside == 3
    assert mapped.unknown == ("old", "older")
    assert {"optimizer", "epochs"} <= set(mapped.missing)
    assert not {"units", "rate", "kind", "size"} & set(mapped.missing)


def test_what_is_fixed_is_neither_searched_nor_missing():
    """Optuna is not asked for it."""
    mapped = map_points(Net(["units=16", "kind=b"]), [{"units": 16}], INPUTS, OUTPUTS)
    assert mapped.points == ({},)
    assert not {"units", "kind"} & set(mapped.missing)


def test_a_function_is_called_with_past_points():
    """What it asks for under a condition is known then; what it refuses is no error."""

    def build(trial: Any, inputs: Any, outputs: Any) -> None:
        if trial.suggest_categorical("deep", [False, True]):
            trial.suggest_int("depth", 2, 4)
        if trial.suggest_float("rate", 0, 1) > 0.5:
            raise ValueError

    past = [{"deep": True, "depth": 3, "rate": 0.7}, {"deep": True, "depth": 9, "width": 2}]
    mapped = map_points(FunctionSpace(build, "net"), past, INPUTS, OUTPUTS)
    assert mapped.points == ({"deep": True, "depth": 3, "rate": 0.7}, {"deep": True})
    assert (mapped.outside, mapped.unknown) == (1, ("width",))


def test_of_an_objective_function_all_is_taken():
    """It alone knows its parameters, when it runs."""
    mapped = map_points(ObjectiveFunction(lambda trial: 1.0, "net"), [{"any": [1, 2]}], None, None)
    assert mapped.points == ({"any": [1, 2]},)
    assert (mapped.outside, mapped.unknown, mapped.missing) == (0, (), ())
