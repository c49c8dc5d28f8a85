"""Optuna's dashboard over one store, made safe to leave open.

optuna-dashboard brings the pages and their JSON; everything here stands around it. A request
passes, from the outside in: ``server`` (HTTP, TLS), ``headers`` (what browsers are told),
``guard`` (whose request it is), ``login`` (if there is a password), ``restrictions`` (what the
dashboard may not do), ``compression``, ``files`` (of trials), ``desk`` (pages of our own),
``polls`` (what open pages ask again and again), and then optuna-dashboard.
"""

from __future__ import annotations

from tuner.dashboard.app import application
from tuner.dashboard.password import find_password
from tuner.dashboard.server import serve

__all__ = ["application", "find_password", "serve"]
