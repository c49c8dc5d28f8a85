"""The global state of Python and of the process, setting by setting."""

from __future__ import annotations

import builtins
import gc
import logging
import os
import random
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from search_spaces.user_code.setting import Setting, from_to, get_set, names_of, still_holds
from search_spaces.user_code.vital_state import limits, set_limits

SIGNALS = tuple(signal.valid_signals())
ENVIRONMENT, FILTERS = "the environment", "the warning filters"
LOGGERS, MODULE_PATH = "the loggers", "sys.path"
TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
DECIMAL_VALUES = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
STANDARD_MODULES = sys.stdlib_module_names | {"search_spaces", "storage", "tuner"}


def _get_working_directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it was deleted
        return None


def _set_working_directory(folder: str | None) -> None:
    if folder is not None:
        with suppress(OSError):
            os.chdir(folder)


def _set_environment(before: Mapping[str, str]) -> None:
    # One by one, because each assignment calls the C library's setenv: libraries see it too.
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    time.tzset()  # it may be the time zone that was changed


def _changed_variables(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Names only the changed variables: values may be secrets."""
    names = sorted(n for n in {*before, *now} if before.get(n) != now.get(n))
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"the environment ({shown})"


def _get_filters() -> tuple[Any, ...]:
    return (list(warnings.filters), warnings.showwarning)


def _set_filters(value: tuple[Any, ...]) -> None:
    warnings.resetwarnings()  # invalidates Python's cache of which warnings were shown
    warnings.filters[:], warnings.showwarning = value  # type: ignore[index]


def _get_handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in SIGNALS}


def _set_handlers(before: Mapping[int, Any]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # Python allows this in the main thread only
    for number, handler in before.items():
        # None: a handler that was not installed from Python, which Python cannot restore.
        if handler is not None and signal.getsignal(number) != handler:
            with suppress(OSError, ValueError):
                signal.signal(number, handler)


def _changed_handlers(before: Mapping[int, Any], now: Mapping[int, Any]) -> str:
    numbers = [number for number, handler in before.items() if now[number] != handler]
    return f"the handler of {', '.join(signal.Signals(n).name for n in numbers)}"


def _running_timers() -> frozenset[int]:
    return frozenset(timer for timer in TIMERS if signal.getitimer(timer)[0] > 0)


def _stop_timers(before: frozenset[int]) -> None:
    for timer in _running_timers() - before:  # one that ran before is not the user's
        signal.setitimer(timer, 0)


def _umask() -> int:
    mask = os.umask(0o077)  # it can be read only by setting another one
    os.umask(mask)
    return mask


def _set_collection(before: tuple[bool, tuple[int, ...]]) -> None:
    (gc.enable if before[0] else gc.disable)()
    gc.set_threshold(*before[1])


def _set_streams(before: list[tuple[Any, bool]]) -> None:
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, "r" if number == 0 else "w", closefd=False)  # noqa: SIM115
        if not was_closed and stream.closed
        else stream
        for number, (stream, was_closed) in enumerate(before)
    )


def _set_priority(before: int) -> None:
    with suppress(PermissionError):  # only root may raise it
        os.setpriority(os.PRIO_PROCESS, 0, before)


def _get_cores() -> set[int] | None:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def _set_cores(before: set[int] | None) -> None:
    if before is not None:
        with suppress(OSError):
            os.sched_setaffinity(0, before)


def _set_tracing(before: tuple[Any, ...]) -> None:
    sys.settrace(before[0])
    sys.setprofile(before[1])


def _set_hooks(before: tuple[Any, ...]) -> None:
    sys.excepthook, sys.unraisablehook, threading.excepthook = before


def _decimal_values(context: Any) -> dict[str, Any]:
    values = {name: getattr(context, name) for name in DECIMAL_VALUES}
    return {**values, "traps": dict(context.traps)}


def _set_decimal(before: Mapping[str, Any]) -> None:
    context = sys.modules["decimal"].getcontext()
    for name, value in before.items():
        setattr(context, name, value)


def _enable_faulthandler(on: bool) -> None:
    handler = sys.modules["faulthandler"]
    with suppress(AttributeError, OSError, RuntimeError, ValueError):  # stderr may be no file
        handler.enable() if on else handler.disable()


def _get_loggers() -> dict[str, tuple[Any, ...]]:
    known = dict(logging.root.manager.loggerDict)
    loggers = {n: one for n, one in known.items() if isinstance(one, logging.Logger)}
    return {
        name: (one.level, one.disabled, one.propagate, tuple(one.handlers))
        for name, one in {**loggers, "": logging.root}.items()
    }


def _set_loggers(before: Mapping[str, tuple[Any, ...]]) -> None:
    for name, (level, disabled, propagate, handlers) in before.items():
        one = logging.getLogger(name)
        one.setLevel(level)
        one.disabled, one.propagate, one.handlers[:] = disabled, propagate, handlers


PYTHON_SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="the working directory",
        take=_get_working_directory,
        put=_set_working_directory,
        describe=from_to("the working directory"),
    ),
    Setting(
        name=ENVIRONMENT,
        take=lambda: dict(os.environ),
        put=_set_environment,
        describe=_changed_variables,
    ),
    Setting(name=FILTERS, take=_get_filters, put=_set_filters),
    Setting(name="signals", take=_get_handlers, put=_set_handlers, describe=_changed_handlers),
    Setting(
        name="the alarm clock",
        take=_running_timers,
        put=_stop_timers,
        same=lambda before, now: now <= before,
    ),
    Setting(
        name="blocked signals",
        take=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        put=lambda mask: signal.pthread_sigmask(signal.SIG_SETMASK, mask),
    ),
    Setting(name="the limits of resources", take=limits, put=set_limits),
    Setting(
        name="the priority",
        take=lambda: os.getpriority(os.PRIO_PROCESS, 0),
        put=_set_priority,
        describe=from_to("the priority"),
    ),
    Setting(name="the cores of this process", take=_get_cores, put=_set_cores),
    Setting(
        name="builtins",
        take=lambda: dict(vars(builtins)),
        put=vars(builtins).update,
        same=still_holds,
        describe=names_of("builtins:"),
    ),
    Setting(
        name="modules of Python",
        take=lambda: {name: sys.modules[name] for name in STANDARD_MODULES if name in sys.modules},
        put=sys.modules.update,
        same=still_holds,
        describe=names_of("modules of Python:"),
    ),
    Setting(
        name=MODULE_PATH,
        take=lambda: list(sys.path),
        put=lambda folders: sys.path.__setitem__(slice(None), folders),
    ),
    Setting(
        name="the hooks of Python",
        take=lambda: (sys.excepthook, sys.unraisablehook, threading.excepthook),
        put=_set_hooks,
    ),
    Setting(
        name="tracing",
        take=lambda: (sys.gettrace(), sys.getprofile()),
        put=_set_tracing,
    ),
    Setting(
        name="the locale",
        library="locale",
        take=lambda: sys.modules["locale"].setlocale(sys.modules["locale"].LC_ALL),
        put=lambda name: sys.modules["locale"].setlocale(sys.modules["locale"].LC_ALL, name),
        describe=from_to("the locale"),
    ),
    Setting(
        name="the context of decimal",
        library="decimal",
        take=lambda: _decimal_values(sys.modules["decimal"].getcontext()),
        put=_set_decimal,
    ),
    Setting(
        name="the handler of faults",
        library="faulthandler",
        take=lambda: sys.modules["faulthandler"].is_enabled(),
        put=_enable_faulthandler,
    ),
    Setting(
        name="the mask of new files' rights",
        take=_umask,
        put=os.umask,
        describe=lambda before, now: f"the mask of new files' rights from {before:o} to {now:o}",
    ),
    Setting(
        name="the logging",
        take=lambda: logging.root.manager.disable,
        put=logging.disable,
    ),
    Setting(
        name=LOGGERS,
        take=_get_loggers,
        put=_set_loggers,
        same=lambda before, now: all(now.get(name) == value for name, value in before.items()),
    ),
    Setting(
        name="the standard streams",
        take=lambda: [(s, getattr(s, "closed", True)) for s in (sys.stdin, sys.stdout, sys.stderr)],
        put=_set_streams,
    ),
    Setting(
        name="the garbage collection",
        take=lambda: (gc.isenabled(), gc.get_threshold()),
        put=_set_collection,
    ),
    get_set("the recursion limit", "sys.getrecursionlimit"),
    get_set("the switch interval of threads", "sys.getswitchinterval"),
    get_set("the most digits of a number", "sys.get_int_max_str_digits"),
    get_set("the stack size of threads", "threading.stack_size"),
    Setting(
        name="the timeout of sockets",
        take=socket.getdefaulttimeout,
        put=socket.setdefaulttimeout,
        describe=from_to("the timeout of sockets"),
    ),
    Setting(name="random", take=random.getstate, put=random.setstate, reported=False),
)
