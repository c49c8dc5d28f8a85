"""The folder in which prepared data is cached on this machine."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_VARIABLE = "TUNER_CACHE"


def cache_folder() -> Path:
    """Returns ``TUNER_CACHE``, else ``keras-trial-tuner`` below the user's cache folder.

    It need not exist yet.
    """
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen)
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "keras-trial-tuner"
