"""A study's search space and data, exactly as they were when it was launched."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from search_spaces import catalog
from search_spaces.errors import SpaceError, did_you_mean, quoted
from search_spaces.objective_function import ObjectiveFunction, no_model
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.feature_choice import ALL, FEATURES, FeatureChoice, expand
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.overrides import parse
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Int, Range
from search_spaces.space import SearchSpace
from search_spaces.user_code import source_files
from search_spaces.user_code.names_asked import names_asked
from search_spaces.user_code.source_files import brief
from storage.errors import StoreError
from storage.studies import Study
from tuner import datasets
from tuner.datasets import Data, DataSpec, space_data
from tuner.datasets.data_spec import (
    CLASS_WEIGHTS,
    RESAMPLING,
    RESAMPLINGS,
    UNCHANGED,
    UNWEIGHED,
    is_of_class_weights,
)
from tuner.datasets.sample_weights import BALANCED
from tuner.datasets.sources import user_function
from tuner.errors import UserError
from tuner.studies.study_spec import StudySpec

_PREPARATION = {
    FEATURES: FeatureChoice([ALL], help="columns that models see"),
    RESAMPLING: Choice([UNCHANGED], allowed=RESAMPLINGS, help="training rows of each class"),
}


def space_and_data(
    name: str, overrides: Sequence[str], arguments: Sequence[str], data: DataSpec
) -> tuple[SearchSpace, DataSpec]:
    """A search space with the parameters of the function that the data come from.

    Args:
        name: Of the space; it, ``overrides`` and ``arguments`` are as for ``catalog.load``.
        data: Of a study that is to be made.

    Returns:
        The space, and the data with the defaults of the function's arguments.

    Raises:
        SpaceError: The space cannot be loaded, or an override is refused.
        DataError: The function cannot be loaded, or one of its arguments has no range.
    """
    is_function = data.source != datasets.NO_DATA and user_function.accepts(data.source)
    searched: Mapping[str, Parameter | None] = _window(data)
    if is_function:
        searched = user_function.searched_arguments(data.source)
    of_source = searched
    preparation = _preparation(name, overrides, arguments, of_source)
    searched = {**of_source, **_class_weights(overrides, data), **preparation}
    if FEATURES in preparation:
        overrides = [
            f"{n}={expand(t) if n == FEATURES else t}" for n, t in parse(overrides).items()
        ]
    declared = {name: parameter for name, parameter in searched.items() if parameter is not None}
    try:
        space = catalog.load(name, overrides, arguments, data_parameters=declared)
        if isinstance(space, ObjectiveFunction):  # which weighs its rows itself
            searched = of_source
            declared = {n: parameter for n, parameter in searched.items() if parameter is not None}
            space = catalog.load(name, overrides, arguments, data_parameters=declared)
    except SpaceError as e:
        mistyped = str(e).partition("=")[0]
        others = user_function.arguments(data.source) if is_function else None
        if mistyped in (others or ()) and mistyped not in searched:
            raise user_function.without_range(data.source, mistyped) from e
        hint = "" if mistyped in searched else did_you_mean(mistyped, declared)
        raise SpaceError(f"{e}{hint}") from e
    if searched and isinstance(space, ObjectiveFunction):
        raise UserError(
            f"Expected data without arguments to search for {space.name}(trial, data), which "
            f"suggests its own. Received: {', '.join(searched)}: prepare such data in there."
        )
    for argument in searched:
        if argument not in space.parameters:
            raise user_function.without_range(data.source, argument)
    defaults = {argument: space.parameters[argument].default for argument in searched}
    of_preparation = {name: defaults.pop(name) for name in preparation if name in defaults}
    asked = _asked_by_space(space, name, data)
    return space, dataclasses.replace(
        data,
        space=None if asked is None else name,
        hyperparameters=asked or {},
        arguments=defaults,
        preparation=of_preparation,
        window=None if data.window is None else _longest(space.parameters["window"]),
    )


def _window(data: DataSpec) -> dict[str, Parameter]:
    """The length of windows as a parameter, which is fixed unless an override says otherwise."""
    if data.window is None:
        return {}
    rows = data.arguments.get("window", data.window)
    return {"window": Int(rows, rows, limits=Limits(at_least=1), help="rows of a window")}


def _class_weights(overrides: Sequence[str], data: DataSpec) -> dict[str, Parameter]:
    """Weights of classes as a parameter, which there is only where an override names it."""
    names = [name for name in parse(overrides) if is_of_class_weights(name)]
    if not names:
        return {}
    if data.class_weights is not None:
        raise UserError(
            f"Expected --class-weights or --set {CLASS_WEIGHTS}=VALUES. Received both: leave one "
            "of them out."
        )
    help_text = "weights of classes in training"
    return {name: Choice([UNWEIGHED, BALANCED], help=help_text) for name in names}


def _preparation(
    name: str, overrides: Sequence[str], arguments: Sequence[str], of_source: Mapping[str, Any]
) -> dict[str, Parameter]:
    """Columns and resampling as parameters, which there are only where an override names them.

    A data function or a space that has a parameter of such a name means its own.
    """
    named = _PREPARATION.keys() & parse(overrides).keys() - of_source.keys()
    if not named:
        return {}
    own = catalog.load(name, (), arguments).parameters
    return {name: one for name, one in _PREPARATION.items() if name in named - own.keys()}


def _asked_by_space(space: SearchSpace, name: str, data: DataSpec) -> dict[str, Any] | None:
    """The defaults of what the space's own ``data()`` asks for; None where it has none."""
    if not callable(getattr(space, space_data.METHOD, None)):
        return None
    where = f"data() of {brief(name)}"
    if data.window is not None or space.learns == "rows":
        received = "--window" if data.window is not None else "a space that learns rows"
        raise UserError(f"Expected {where} without windows and learned rows. Received: {received}.")
    asked = names_asked(name, space_data.METHOD)
    if asked is None:
        raise UserError(f"Expected {where} as a method in its class. Received another one.")
    unknown = [one for one in asked if one not in space.parameters]
    if unknown:
        raise UserError(
            f"Expected {where} to ask for parameters of {space.name}. Received: "
            f"{quoted(unknown[0])}.{did_you_mean(unknown[0], space.parameters)}"
        )
    return {one: space.parameters[one].default for one in asked}


def _longest(window: Parameter) -> int:
    if isinstance(window, Range):
        return int(window.high)
    return max(value for value in window.options or () if isinstance(value, int))


def unchecked_space(spec: StudySpec) -> SearchSpace:
    """The study's search space as it is now; raises as ``space_and_data``."""
    if not spec.data.searched:  # nor had its data function any to search when it was launched
        return catalog.load(spec.space, spec.overrides, spec.arguments)
    return space_and_data(spec.space, spec.overrides, spec.arguments, spec.data)[0]


def load_space(spec: StudySpec) -> SearchSpace:
    """The study's search space; code from outside of this program is imported or compared.

    Raises:
        SpaceError: It cannot be found here.
        StoreError: It is not what it was.
    """
    space = unchecked_space(spec)
    if space.fingerprint() != spec.space_fingerprint:
        raise StoreError(
            f"Expected the search space {spec.space!r} as it was when the study was launched. "
            "Received another one: its source or the version of this program differs here."
        )
    names = code_names(spec.metrics, spec.callbacks, spec.data)
    if source_files.fingerprint(names) != spec.code_fingerprint:
        raise StoreError(
            f"Expected {_of_code(spec)} as they were when the study was launched. "
            f"Received others: {', '.join(names)} differ here."
        )
    for package in spec.packages:
        _check_version(package)
    return space


def code_names(metrics: Sequence[str], callbacks: Sequence[str], data: DataSpec) -> tuple[str, ...]:
    """The names of code beside the space that must stay as it is: see ``code_fingerprint``."""
    is_code = bool(data.unweighed.arguments) or data.stream  # of which not all rows are compared
    return (*metrics, *callbacks, *([data.source] if is_code else []))


def _of_code(spec: StudySpec) -> str:
    has_function = spec.data.arguments or spec.data.stream
    return f"the metrics{', data function' if has_function else ''} and callbacks"


def _check_version(package: str) -> None:
    name, _, version = package.rpartition(" ")
    try:
        here = metadata.version(name)
    except metadata.PackageNotFoundError:
        here = "none"
    if here != version:
        raise StoreError(
            f"Expected the package {package}, which a part of the study was from when it was "
            f"launched. Received: {here}: install that version."
        )


def require_trained_here(study: Study) -> None:
    """Refuses a study whose code trains by itself, where its trials are to be trained or scored.

    Raises:
        UserError: It is one.
    """
    if study.spec.get("own_training"):
        raise UserError(no_model(brief(study.spec["space"])))


def load_data(spec: StudySpec) -> Data:
    """The study's data.

    Raises:
        UserError: They cannot be found here, or the study has none.
        StoreError: They are not what they were.
    """
    if not spec.has_data:
        raise UserError(
            f"Expected a study with data. Received one of {brief(spec.space)} without: its code "
            "brings its own."
        )
    data = datasets.load_shared(spec.data)
    if data.fingerprint != spec.data_fingerprint:
        is_code = user_function.accepts(spec.data.source)
        drawn = ", or draws other rows each time: seed its shuffle(), or add --stream"
        raise StoreError(
            f"Expected the data of {brief(spec.data.source)} as they were when the study was "
            f"launched. Received others: the source differs here{drawn if is_code else ''}."
        )
    return data
