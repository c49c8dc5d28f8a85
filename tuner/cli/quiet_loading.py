"""Spaces of users' own in commands that only show: their files may print, or import TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuner.suppress_output import suppress_output

if TYPE_CHECKING:
    from search_spaces import SearchSpace


def load_space(
    name: str, overrides: Sequence[str] = (), arguments: Sequence[str] = ()
) -> SearchSpace:
    """The space of this name, loaded in silence; see ``search_spaces.catalog.load``."""
    from search_spaces import catalog

    with suppress_output():
        return catalog.load(name, overrides, arguments)
