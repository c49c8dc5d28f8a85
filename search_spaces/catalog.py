"""Spaces by name: our families, and the user's own classes and functions.

============================  ==================================================
``mlp``                       a family of ours
``package.module:Class``      a `SearchSpace` that can be imported
``path/file.py:Class``        a `SearchSpace` in a file
``path/file.py:function``     ``function(trial, inputs, outputs)`` in a file
``path/file.py:build``        ``build(hp)`` of KerasTuner, or a ``HyperModel``, with ``fit`` or not
``path/file.py:objective``    an objective function: see `objective_function`
============================  ==================================================
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from search_spaces.define_by_run import FunctionSpace
from search_spaces.errors import SpaceError, did_you_mean, quoted
from search_spaces.expansion import assemble
from search_spaces.keras_tuner import stand_in
from search_spaces.keras_tuner.hypermodel_space import (
    HyperModelSpace,
    is_hypermodel,
    trains_itself,
)
from search_spaces.keras_tuner.hypermodel_with_fit import HyperModelWithFit
from search_spaces.objective_function import ObjectiveFunction, describes_objective
from search_spaces.parameters import overrides as override_texts
from search_spaces.parameters.parameter import Parameter
from search_spaces.registry import Registry
from search_spaces.space import SearchSpace
from search_spaces.user_code import source_files
from search_spaces.user_code.isolation import user_code_errors
from search_spaces.user_code.source_files import Source, load_file, load_module

FAMILIES: Registry[type[SearchSpace]] = Registry(
    "tuner.families",
    {
        "mlp": "search_spaces.families.mlp:MLP",
        "cnn": "search_spaces.families.cnn:CNN",
        "cnn1d": "search_spaces.families.cnn:CNN1D",
        "rnn": "search_spaces.families.rnn:RNN",
        "unet": "search_spaces.families.unet:UNet",
        "seq2seq": "search_spaces.families.seq2seq:Seq2Seq",
        "jordan": "search_spaces.families.jordan:Jordan",
        "autoencoder": "search_spaces.families.autoencoder:Autoencoder",
        "stacked-autoencoder": "search_spaces.families.autoencoder:StackedAutoencoder",
        "lvq": "search_spaces.families.lvq:LVQ",
        "gan": "search_spaces.families.gan:GAN",
        "rbm": "search_spaces.families.rbm:RBM",
        "dbn": "search_spaces.families.dbn:DBN",
        "boltzmann": "search_spaces.families.boltzmann:Boltzmann",
        "hopfield": "search_spaces.families.hopfield:Hopfield",
        "pretrained": "search_spaces.families.pretrained:Pretrained",
    },
)


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family, as ``tuner spaces`` lists it.

    Attributes:
        name: That ``tuner launch`` takes.
        summary: What it is, a line.
        file: That it is defined in, from the root of its package.
        problem: Why it cannot be used, where the code of its package is broken.
    """

    name: str
    summary: str = ""
    file: str = ""
    problem: str | None = None


def describe_families() -> list[Family]:
    """Returns our families, and those of packages, in the order they are listed."""
    return [_describe(name) for name in FAMILIES]


def load(
    name: str,
    overrides: Sequence[str] = (),
    arguments: Sequence[str] = (),
    *,
    data_parameters: Mapping[str, Parameter] = MappingProxyType({}),
) -> SearchSpace:
    """Returns the space of this name, narrowed by overrides such as ``units=32..512``.

    Args:
        name: See above.
        overrides: As for every space.
        arguments: ``NAME=VALUE`` texts for a class or function that makes an objective function.
        data_parameters: Of the function that data come from, by name; they are searched beside
            those of the space.

    Raises:
        SpaceError: there is no such space, its file cannot be loaded, or an override is refused.
    """
    if not data_parameters:
        return _load(name, overrides, arguments)
    texts = override_texts.parse(overrides)
    of_data = assemble(data_parameters, {n: t for n, t in texts.items() if n in data_parameters})
    if of_data.keys() != data_parameters.keys():
        raise SpaceError("Expected a single value for each argument of the data function, no per=.")
    of_space = [f"{n}={text}" for n, text in texts.items() if n not in data_parameters]
    space = _load(name, of_space, arguments)
    space.add_data_parameters(of_data)
    return space


def _load(name: str, overrides: Sequence[str], arguments: Sequence[str]) -> SearchSpace:
    if name in FAMILIES:
        return _registered(name, overrides)
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise SpaceError(
            f"Expected a space: {', '.join(FAMILIES)}, module:Class, file.py:Class or "
            f"file.py:function. Received: {name!r}.{did_you_mean(name, FAMILIES)}"
        )
    file = source_files.file_of(name)
    with stand_in.importable(file):
        source = load_module(place) if file is None else load_file(file)
    return _users_space(name, source, attribute, overrides, arguments)


def _users_space(
    name: str,
    source: Source,
    attribute: str,
    overrides: Sequence[str],
    arguments: Sequence[str],
) -> SearchSpace:
    item = source.attribute(attribute)
    space: SearchSpace
    if inspect.isclass(item) and issubclass(item, SearchSpace):
        if inspect.isabstract(item):
            raise SpaceError(f"Expected {name} to have build(hyperparameters, inputs, outputs).")
        with user_code_errors(f"{attribute}()", str(source.path)):
            space = item(overrides)
    elif is_hypermodel(item) and trains_itself(item):
        space = HyperModelWithFit(item, attribute, overrides, arguments, str(source.path))
    elif is_hypermodel(item):
        space = HyperModelSpace(item, f"{source.path.stem}-{attribute}", overrides)
    elif describes_objective(item, arguments):
        space = ObjectiveFunction(item, attribute, overrides, arguments, str(source.path))
    elif inspect.isfunction(item):
        space = FunctionSpace(item, f"{source.path.stem}-{attribute}", overrides)
    else:
        raise SpaceError(
            f"Expected {name} to be a subclass of search_spaces.SearchSpace, a HyperModel, or a "
            f"function (trial, inputs, outputs), (hp) or (trial). Received: {quoted(item)}."
        )
    space.source = source.sha256_of(item)
    return space


def _registered(name: str, overrides: Sequence[str]) -> SearchSpace:
    """A family; of an installed package's, its version stands in the study's fingerprint."""
    family, package = _family(name), FAMILIES.package_of(name)
    if package is None:
        return family(overrides)
    with user_code_errors(f"{name}()", package):
        space = family(overrides)
    space.source = package
    return space


def _family(name: str) -> type[SearchSpace]:
    family = FAMILIES[name]
    if not (inspect.isclass(family) and issubclass(family, SearchSpace)):
        raise SpaceError(
            f"Expected {name} of {FAMILIES.package_of(name)} to be a subclass of "
            f"search_spaces.SearchSpace. Received: {quoted(family)}: update or uninstall that "
            "package."
        )
    return family


def _describe(name: str) -> Family:
    try:
        family = _family(name)
    except SpaceError as e:  # of one package: the others are shown
        return Family(name=name, problem=str(e))
    summary = (inspect.getdoc(family) or "").partition("\n")[0]
    return Family(name=name, summary=summary, file=family.__module__.replace(".", "/") + ".py")
