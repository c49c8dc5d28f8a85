"""Names that the public API had before: they still work, and warn."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar


def current_name(name: str, renamed: Mapping[str, str], *, stacklevel: int = 3) -> str:
    """Returns what a name is now; warns where it is an old one.

    Args:
        renamed: the old names, each with the new one.
        stacklevel: as for ``warnings.warn``: which caller the warning points to.
    """
    if name not in renamed:
        return name
    text = f"{name!r} is deprecated: use {renamed[name]!r}."
    warnings.warn(text, DeprecationWarning, stacklevel=stacklevel)
    return renamed[name]


class RenamedAttributes:
    """Reads attributes by their old names, too: those of ``_renamed``, each with the new one."""

    _renamed: ClassVar[Mapping[str, str]] = {}

    if not TYPE_CHECKING:  # to mypy any attribute would exist

        def __getattr__(self, name: str) -> Any:
            if name in type(self)._renamed:
                return getattr(self, current_name(name, type(self)._renamed))
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
