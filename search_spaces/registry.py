"""Things by name: ours, and those of installed packages, which register them as entry points.

Names are known without importing anything: a thing is loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from search_spaces.errors import SpaceError, quoted, shorten

T = TypeVar("T")
K = TypeVar("K")


class NotRegisteredError(SpaceError, KeyError):
    """Nothing has this name here: a study may use a package that this machine lacks."""

    __str__ = Exception.__str__  # that of KeyError quotes the message


class Registry(Mapping[str, T], Generic[T]):
    """What is registered under a group of entry points, our own first.

    Args:
        group: Of the entry points, such as ``tuner.samplers``.
        ours: Each name with the thing itself, or with ``module:attribute`` to load it from. A
            package cannot replace one of these.
        kind: What a package has to register; None for classes, which their users check.
    """

    def __init__(
        self, group: str, ours: Mapping[str, T | str], *, kind: type[T] | None = None
    ) -> None:
        self.group, self._ours, self._kind = group, ours, kind
        self._loaded: dict[str, Any] = {}

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        points = sorted(entry_points(group=self.group), key=lambda point: point.name)
        return {point.name: point for point in points if point.name not in self._ours}

    def __iter__(self) -> Iterator[str]:
        return iter((*self._ours, *self._plugins))

    def __len__(self) -> int:
        return len(self._ours) + len(self._plugins)

    def __contains__(self, name: object) -> bool:
        return name in self._ours or name in self._plugins

    def __getitem__(self, name: str) -> T:
        """Returns a thing, loaded once.

        Raises:
            NotRegisteredError: Nothing has this name.
            SpaceError: It is of another kind, or of a package whose code cannot be imported.
        """
        if name not in self:
            raise NotRegisteredError(
                f"Expected one of {shorten(', '.join(self), 120)} ({self.group}). Received: "
                f"{quoted(name)}: install the package that offers it."
            )
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        thing_there: T = self._loaded[name]
        return thing_there

    def usable(self, problems: list[str] | None = None) -> Iterator[tuple[str, T]]:
        """Each name with its thing, loaded one by one, without those of broken packages.

        Args:
            problems: Gets a line for each that is left out.
        """
        for name in self:
            try:
                thing = self[name]
            except SpaceError as e:
                if problems is not None:
                    problems.append(str(e))
                continue
            yield name, thing

    def _load(self, name: str) -> Any:
        if name in self._ours:
            ours = self._ours[name]
            return _import(ours) if isinstance(ours, str) else ours
        return self._offered(name, self._plugins[name].value, self._kind)

    def resolve(self, name: str, place: str, kind: type[K]) -> K:
        """Imports what a registered thing refers to, such as code that is needed late.

        Args:
            name: Of the registered thing, for messages.
            place: ``module:attribute``.
            kind: What has to be there.

        Raises:
            SpaceError: It is of another kind, or of a package whose code cannot be imported.
        """
        thing: K = _import(place) if name in self._ours else self._offered(name, place, kind)
        return thing

    def _offered(self, name: str, place: str, kind: type[Any] | None) -> Any:
        thing = _load(self._plugins[name], place)
        if kind is not None and not isinstance(thing, kind):
            raise SpaceError(
                f"Expected {name!r} ({self.group}) of {self.package_of(name)} to be of "
                f"{kind.__name__}. Received: {quoted(thing)}: update or uninstall that package."
            )
        return thing

    def package_of(self, name: str) -> str | None:
        """Returns ``package 1.0`` of a thing from outside; None of one of ours."""
        if name in self._ours or name not in self._plugins:
            return None
        return _package(self._plugins[name])


def _import(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _load(point: EntryPoint, place: str) -> Any:
    try:
        return EntryPoint(point.name, place, point.group).load()
    except (Exception, SystemExit) as e:  # whatever the package's own code raises
        reason = shorten(" ".join(f"{type(e).__name__}: {e}".split()), 100)
        raise SpaceError(
            f"Expected the installed package {_package(point)} to offer {point.name!r} "
            f"({point.group}). Received: {reason}: update or uninstall that package."
        ) from e


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
