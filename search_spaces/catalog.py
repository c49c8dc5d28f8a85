"""Spaces by name: our families, and the user's own classes and functions.

============================  ==================================================
``mlp``                       a family of ours
``package.module:Class``      a `SearchSpace` that can be imported
``path/file.py:Class``        a `SearchSpace` in a file
``path/file.py:function``     ``function(trial, inputs, outputs)`` in a file
============================  ==================================================
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search_spaces.errors import SpaceError, blame, did_you_mean
from search_spaces.functions import FunctionSpace
from search_spaces.sources import Source, load_file, load_module
from search_spaces.space import SearchSpace

FAMILIES = {
    "mlp": "search_spaces.mlp:MLP",
    "cnn": "search_spaces.cnn:CNN",
    "cnn1d": "search_spaces.cnn:CNN1D",
    "rnn": "search_spaces.rnn:RNN",
    "jordan": "search_spaces.jordan:Jordan",
    "autoencoder": "search_spaces.autoencoder:Autoencoder",
    "stacked-autoencoder": "search_spaces.autoencoder:StackedAutoencoder",
    "lvq": "search_spaces.lvq:LVQ",
    "gan": "search_spaces.gan:GAN",
    "rbm": "search_spaces.rbm:RBM",
    "dbn": "search_spaces.dbn:DBN",
    "boltzmann": "search_spaces.boltzmann:Boltzmann",
    "hopfield": "search_spaces.hopfield:Hopfield",
}


@dataclass(frozen=True, kw_only=True)
class Family:
    """One of our families, as ``tuner spaces`` lists it."""

    name: str
    summary: str
    file: str


def describe_families() -> list[Family]:
    """Returns our families in the order they are listed."""
    return [_describe(name) for name in FAMILIES]


def load(name: str, overrides: Sequence[str] = ()) -> SearchSpace:
    """Returns the space of this name, narrowed by overrides such as ``units=32..512``.

    Raises:
        SpaceError: there is no such space, its file cannot be loaded, or an override is refused.
    """
    if name in FAMILIES:
        return _family(name)(overrides)
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise SpaceError(
            f"Expected a space: {', '.join(FAMILIES)}, module:Class, file.py:Class or "
            f"file.py:function. Received: {name!r}.{did_you_mean(name, FAMILIES)}"
        )
    source = load_file(Path(place)) if place.endswith(".py") else load_module(place)
    return _users_space(name, source, attribute, overrides)


def _users_space(
    name: str, source: Source, attribute: str, overrides: Sequence[str]
) -> SearchSpace:
    item = source.attribute(attribute)
    space: SearchSpace
    if inspect.isclass(item) and issubclass(item, SearchSpace):
        if inspect.isabstract(item):
            raise SpaceError(f"Expected {name} to have build(hyperparameters, inputs, outputs).")
        with blame(f"{attribute}()", str(source.path)):
            space = item(overrides)
    elif inspect.isfunction(item):
        space = FunctionSpace(item, f"{source.path.stem}-{attribute}", overrides)
    else:
        raise SpaceError(
            f"Expected {name} to be a subclass of search_spaces.SearchSpace or a function "
            f"(trial, inputs, outputs). Received: {item!r}."
        )
    space.source = source.sha256_of(item)
    return space


def _family(name: str) -> type[SearchSpace]:
    module, _, attribute = FAMILIES[name].partition(":")
    family: type[SearchSpace] = getattr(importlib.import_module(module), attribute)
    return family


def _describe(name: str) -> Family:
    family = _family(name)
    summary = (inspect.getdoc(family) or "").partition("\n")[0]
    return Family(name=name, summary=summary, file=family.__module__.replace(".", "/") + ".py")
