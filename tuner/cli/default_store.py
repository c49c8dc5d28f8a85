"""The store of commands that name none."""

from __future__ import annotations

DEFAULT_STORE = "sqlite:///tuner.db"  # in the current folder
