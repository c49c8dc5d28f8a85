"""Errors of the store. A ``StoreError`` is one line for the user; the others steer a worker."""

from __future__ import annotations


class StoreError(Exception):
    """Something the user can mend: what was expected, what was found, what to do."""


class StoreUnreachable(StoreError):
    """The database did not answer. Training goes on and the call may be repeated."""


class UnknownStudy(StoreError):
    """No study of this name is in the store: see ``tuner list``."""


class LeaseLost(Exception):
    """The lease on a trial is not ours any more: stop training it and write nothing more."""


class StudyGone(Exception):
    """The study was deleted or replaced while it was worked on: stop and write nothing more."""
