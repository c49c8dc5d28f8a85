"""Optuna's dashboard over one store, made safe to leave open.

optuna-dashboard brings the pages and their JSON, as a WSGI application (``optuna_app``) that is
mounted below ours (``app``, on Starlette). A request passes, from the outside in:

    server, connection    HTTP, TLS, and deadlines for clients that stall
    canonical             what is asked for, read in one way
    security_headers      what browsers are told
    request_body          how much may be sent, and how slowly
    csrf                  whose request it is
    login                 the password, if there is one
    route_policy          what the dashboard may not do
    entity_tags           nothing is sent again that the browser has

and then the routes: ``study_pages`` (pages of our own), ``files`` (of trials), ``delete_study``,
``updates`` (what open pages ask again and again), and all of optuna-dashboard's.
"""

from __future__ import annotations

from tuner.dashboard.app import application
from tuner.dashboard.password import find_password
from tuner.dashboard.server import serve

__all__ = ["application", "find_password", "serve"]
