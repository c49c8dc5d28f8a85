"""Errors of the store. A ``StoreError`` is one line for the user; workers react to the others."""

from __future__ import annotations


class StoreError(Exception):
    """Something the user can fix: what was expected, what was received, what to do."""


class StoreUnreachable(StoreError):
    """The database did not answer. Training continues and the call may be repeated."""


class StoreLost(StoreError):
    """The database is no longer the one that was opened, or it is damaged."""


class UnknownStudy(StoreError):
    """There is no study of this name in the store: see ``tuner list``."""


class LeaseLost(Exception):
    """The worker no longer holds the trial: it must stop training it and write nothing more."""


class StudyGone(Exception):
    """The study was deleted or replaced: its workers must stop and write nothing more."""
