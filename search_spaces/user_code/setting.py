"""One piece of the global state of a process that users' code may change."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Put = Callable[[Any], object]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One piece of global state.

    Attributes:
        name: For messages.
        take: Returns its value.
        put: Sets such a value.
        library: Name of the module that it belongs to.
        reported: Whether to report changes. Random state changes with each number drawn.
        describe: Describes a change from the values before and after; None names the setting.
        same: Whether two values are the same.
    """

    name: str
    take: Callable[[], Any]
    put: Put
    library: str = "sys"
    reported: bool = True
    describe: Callable[[Any, Any], str] | None = None
    same: Callable[[Any, Any], bool] = lambda before, now: _same(before, now)

    @property
    def is_loaded(self) -> bool:
        """Whether its library was imported completely: another thread may be at it."""
        module = sys.modules.get(self.library)
        spec = getattr(module, "__spec__", None)
        return module is not None and not getattr(spec, "_initializing", False)


def get_set(name: str, get: str, put: str | None = None) -> Setting:
    """A setting with a getter and a setter, each given as ``module.function``."""

    def function(path: str) -> Callable[..., Any]:
        module, _, attribute = path.rpartition(".")
        attribute_of_module: Callable[..., Any] = getattr(sys.modules[module], attribute)
        return attribute_of_module

    return Setting(
        name=name,
        library=get.rpartition(".")[0],
        take=lambda: function(get)(),
        put=lambda value: function(put or get.replace("get", "set"))(value),
        describe=from_to(name),
    )


def from_to(name: str) -> Callable[[Any, Any], str]:
    """Returns what describes a change by both values: ``the locale from C to de_DE``."""
    return lambda before, now: f"{name} from {_named(before)} to {_named(now)}"


def names_of(what: str) -> Callable[[Any, Any], str]:
    """Returns what describes a change of a dict by the names in it that changed."""

    def describe(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
        changed = sorted(name for name, value in before.items() if now.get(name) is not value)
        return f"{what} {', '.join(changed[:5])}{', ...' if len(changed) > 5 else ''}"

    return describe


def still_holds(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether all that was there is the same object; more may be there now."""
    return all(now.get(name) is value for name, value in before.items())


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except (TypeError, ValueError):  # the comparison of arrays has no single truth value
        return False


def _named(value: Any) -> str:
    return str(getattr(value, "name", value))
