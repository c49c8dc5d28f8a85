"""The one error of this package."""

from __future__ import annotations

from tuner.errors import UserError


class DataError(UserError):
    """The data, or what was asked of them, cannot be trained on: one line that says what to do."""
