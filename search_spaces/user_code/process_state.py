"""Saves and restores the global state of this process that users' code may change.

Trials of one worker run in the same process. If one of them changes a global setting, such as the
working directory or Keras's floatx, later trials would give other results. A library's state is
read only if that library was imported: importing it here would take seconds.
"""

from __future__ import annotations

from typing import Any

from search_spaces.user_code.library_settings import LIBRARY_SETTINGS
from search_spaces.user_code.python_settings import (
    ENVIRONMENT,
    FILTERS,
    LOGGERS,
    MODULE_PATH,
    PYTHON_SETTINGS,
)
from search_spaces.user_code.setting import Setting

# What a file may change for good when it is loaded, once per process: results do not depend on it.
CONFIGURATION = (ENVIRONMENT, FILTERS, LOGGERS, MODULE_PATH)
SETTINGS = (*PYTHON_SETTINGS, *LIBRARY_SETTINGS)


class Snapshot:
    """The global state of this process at one moment.

    Args:
        keep: Names of settings to ignore.
    """

    def __init__(self, keep: tuple[str, ...] = ()) -> None:
        self._values = {
            setting: setting.take()
            for setting in SETTINGS
            if setting.is_loaded and setting.name not in keep
        }

    def put_back(self) -> list[str]:
        """Restores all of it; returns descriptions of what had changed."""
        changes = [_restore(setting, value) for setting, value in self._values.items()]
        return [change for change in changes if change]


def _restore(setting: Setting, before: Any) -> str:
    """Restores a setting; returns the description of its change, empty if there is none."""
    now = setting.take()
    if not setting.reported:  # random state, which nearly always differs
        setting.put(before)
        return ""
    if setting.same(before, now):
        return ""
    setting.put(before)
    return setting.name if setting.describe is None else setting.describe(before, now)
