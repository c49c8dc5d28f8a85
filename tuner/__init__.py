"""The tuning service: studies, workers and the command line, over `search_spaces` and `storage`.

In Python and notebooks::

    import tuner

    study = tuner.launch("mlp", data="digits", trials=20, workers=2)
    study.best.hyperparameters
    study.trials.sort_values("value").head()
    study.export("model.keras")

    study = tuner.load("mlp-digits")

Code that trains by itself, in a worker, asks `current_trial` for the trial at hand. ``launch`` and
``load`` are described in `tuner.api`. Importing this package imports nothing
else: what is asked for is imported then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.api import Study, launch, load
    from tuner.objective_functions.current_trial import current_trial

__all__ = ["Study", "current_trial", "launch", "load"]

_PLACES = {"current_trial": "tuner.objective_functions.current_trial"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES.get(name, "tuner.api")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
