"""Whatever the parameters, overrides and choices of a sampler: spaces keep their word."""

from __future__ import annotations

import json
import math
from typing import Any

import optuna
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Choice, Float, Int, Limits, SpaceError
from search_spaces.families.mlp import MLP
from search_spaces.parameters.overrides import narrow
from search_spaces.parameters.parameter import Parameter

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 6))


@st.composite
def ints(draw: st.DrawFn) -> Int:
    """Ranges of whole numbers on any scale."""
    low, high = sorted(draw(st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000))))
    log = low > 0 and draw(st.booleans())
    step = None if log or low == high else draw(st.none() | st.integers(1, high - low))
    return Int(low, high, log=log, step=step)


@st.composite
def floats(draw: st.DrawFn) -> Float:
    """Ranges of real numbers on any scale."""
    low, high = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
    log = low > 0 and draw(st.booleans())
    steps = [step for step in (0.001, 0.1, 0.25, 3.0) if step <= high - low and not log]
    return Float(low, high, log=log, step=draw(st.sampled_from([None, *steps])))


CHOICES = (
    st.lists(st.integers(-99, 99), min_size=1, unique=True).map(lambda v: Choice(sorted(v)))
    | st.lists(NUMBERS.map(lambda x: x + 0.0), min_size=1, unique=True).map(
        lambda v: Choice(sorted(v))
    )
    | st.lists(st.sampled_from(["relu", "tanh", True, False, None]), min_size=1, unique=True).map(
        Choice
    )
)
PARAMETERS: st.SearchStrategy[Parameter] = ints() | floats() | CHOICES


class DrawnTrial:
    """A trial whose sampler is Hypothesis, which likes the ends of ranges."""

    def __init__(self, data: st.DataObject) -> None:
        self.stored: dict[str, Any] = {}
        self._data = data

    def _store(self, name: str, values: st.SearchStrategy[Any]) -> Any:
        return self.stored.setdefault(name, self._data.draw(values, label=name))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> Any:
        steps = st.integers(0, (high - low) // step)
        return self._store(name, steps.map(lambda n: low + n * step))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> Any:
        if step is None:
            return self._store(name, st.floats(low, high))
        steps = st.integers(0, round((high - low) / step))
        return self._store(name, steps.map(lambda n: min(low + n * step, high)))

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        return self._store(name, st.sampled_from(choices))


def suggest(data: st.DataObject, parameter: Parameter) -> Any:
    return parameter.suggest(DrawnTrial(data), "name")  # type: ignore[arg-type]


@given(st.data(), PARAMETERS)
def test_every_suggestion_and_the_default_lie_in_the_range(
    data: st.DataObject, parameter: Parameter
) -> None:
    """Of whole and real numbers on any scale, and of lists."""
    assert parameter.contains(suggest(data, parameter))
    assert parameter.contains(parameter.default)


@given(st.data(), PARAMETERS)
def test_what_is_nearest_to_a_suggestion_is_itself(
    data: st.DataObject, parameter: Parameter
) -> None:
    """Nothing is moved that is in the range."""
    value = suggest(data, parameter)
    assert parameter.nearest(value) == value


@given(PARAMETERS)
def test_a_range_typed_as_it_prints_is_the_same_range(parameter: Parameter) -> None:
    """What help shows may be copied into --set."""
    assert narrow("name", parameter, parameter.text) == parameter


OVERRIDES = (
    st.tuples(NUMBERS, NUMBERS).map(lambda ends: f"{ends[0]!r}..{ends[1]!r}")
    | st.tuples(
        st.integers(-999, 999), st.integers(-999, 999), st.sampled_from(["1", "3", "log"])
    ).map(lambda range_: "{}..{}:{}".format(*range_))
    | st.lists(st.integers(-99, 99), min_size=1).map(lambda values: ",".join(map(str, values)))
    | st.text(alphabet="0123456789.,:-elnogtahru", max_size=12)
)


@given(st.data(), PARAMETERS, OVERRIDES)
def test_an_override_narrows_or_is_refused_in_one_line(
    data: st.DataObject, parameter: Parameter, text: str
) -> None:
    """Without limits the declared range is all that a parameter can mean."""
    try:
        narrowed = narrow("name", parameter, text)
    except SpaceError as e:
        assert "\n" not in str(e)  # noqa: PT017 - being refused is as right as being narrowed
        return
    assert parameter.means(suggest(data, narrowed))


@given(st.data(), st.integers(-50, 50), st.integers(0, 99), OVERRIDES)
def test_an_override_widens_up_to_the_limits(
    data: st.DataObject, low: int, width: int, text: str
) -> None:
    """What it allows, the limits allow; else it is refused."""
    limits = Limits(at_least=-60, below=200)
    try:
        widened = narrow("name", Int(low, low + width, limits=limits), text)
    except SpaceError:
        return
    assert limits.allow(suggest(data, widened))


MLP_OVERRIDES = st.lists(
    st.sampled_from(
        [
            "layers=1",
            "layers=2,5",
            "units=8..4096",
            "units_0=3",
            "activation=prelu,maxout",
            "dropout=0..0.9",
            "normalization=after",
            "optimizer=sgd,rmsprop,adadelta",
            "schedule=plateau,inverse_time",
            "batch_size=1..1024:log",
            "epochs=3",
        ]
    ),
    unique_by=lambda override: override.partition("=")[0],
)


@given(st.data(), MLP_OVERRIDES)
def test_every_suggestion_lies_in_its_space(data: st.DataObject, overrides: list[str]) -> None:
    """With the parameters whose conditions hold, and is read back from what is stored."""
    space = MLP(overrides)
    trial = DrawnTrial(data)
    hyperparameters = space.suggest(trial)  # type: ignore[arg-type]
    for name, parameter in space.parameters.items():
        assert (name in hyperparameters) == parameter.exists(hyperparameters)
    assert all(space.parameters[n].contains(value) for n, value in hyperparameters.items())
    stored = space.encode(hyperparameters)
    assert stored.keys() == trial.stored.keys()
    assert space.suggest(optuna.trial.FixedTrial(stored)) == hyperparameters


@given(MLP_OVERRIDES)
def test_starting_points_lie_in_their_space(overrides: list[str]) -> None:
    """And hold exactly the parameters whose conditions hold."""
    space = MLP(overrides)
    points = space.starting_points()
    assert points
    for point in points:
        assert space.encode(point).keys() <= point.keys()
        assert set(point) == {n for n, p in space.parameters.items() if p.exists(point)}


@given(MLP_OVERRIDES)
def test_definitions_round_trip(overrides: list[str]) -> None:
    """Through JSON, and through ranges typed as they print."""
    space = MLP(overrides)
    assert json.loads(json.dumps(space.definition())) == space.definition()
    typed = [
        f"{name}={parameter.text}"
        for name, parameter in space.parameters.items()
        if all(space.parameters[o].may_meet(test) for o, test in parameter.conditions.items())
    ]
    assert MLP(typed).definition() == space.definition()


@given(PARAMETERS, st.floats(0, 1, exclude_max=True))
def test_a_fraction_of_a_range_is_a_value_of_it(parameter: Parameter, fraction: float) -> None:
    """Up to, but without, the whole."""
    assert parameter.contains(parameter.at(fraction))


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.booleans())
def test_a_grid_has_every_point_once(sizes: list[int], dropout: bool) -> None:
    """Conditional parameters count only where they exist."""
    lists = {f"p{i}": Choice(list(range(size))) for i, size in enumerate(sizes)}
    space = MLP()
    space._parameters = {**lists, "rate": Choice([0.1, 0.2], when={"p0": 0 if dropout else 5})}
    points = list(space.grid())
    product = math.prod(sizes)
    assert space.grid_size() == len(points) == product + (product // sizes[0] if dropout else 0)
    assert len({json.dumps(point, sort_keys=True) for point in points}) == len(points)
    assert all(("rate" in point) == (dropout and point["p0"] == 0) for point in points)
