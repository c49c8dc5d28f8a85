"""Metrics by name, which mean what scikit-learn measures on the same predictions.

Keras's own metrics take targets as they come. Those that expect rows of zeros and a one compare
whole batches where classes are numbers, and those of numbers see a regression's scaled targets.
So a metric is measured only where it is known which tasks it fits;
``tuner.training.compiled_metrics`` gives it targets and answers of one shape, in the unit of the
targets. Nothing here imports Keras before a metric is made.
"""

from __future__ import annotations

from search_spaces.registry import Registry
from search_spaces.shapes import shown_task
from tuner.errors import UserError, did_you_mean, quoted
from tuner.metrics import accuracies, confusion, deviations, probabilities
from tuner.metrics.metric import Metric, mean_of

__all__ = [
    "METRICS",
    "UNWEIGHTED_LOSS",
    "Metric",
    "find",
    "fitting",
    "is_ours",
    "mean_of",
    "registered_name",
    "require",
]

# Of several outputs: the sum of their losses, whatever each trial multiplies them with.
UNWEIGHTED_LOSS = "unweighted_loss"
_OURS = {
    **accuracies.METRICS,
    **confusion.METRICS,
    **probabilities.METRICS,
    **deviations.METRICS,
}
METRICS: Registry[Metric] = Registry("tuner.metrics", _OURS, kind=Metric)


def _key(name: str) -> str:
    return name.lower().replace("_", "")


_ALIASES = {_key(word): name for name, one in _OURS.items() for word in (name, *one.also)}


def registered_name(name: str) -> str | None:
    """The name in ``METRICS`` of what Keras or scikit-learn spell otherwise; None without any."""
    key = _key(name)
    return _ALIASES.get(key) or next((one for one in METRICS if _key(one) == key), None)


def ending(name: str) -> str | None:
    """The name in ``METRICS`` that a metric has, or ends in behind that of one of its outputs."""
    words = name.split("_")
    ends = ("_".join(words[first:]) for first in range(len(words)))
    return next((found for end in ends if (found := registered_name(end)) is not None), None)


def is_ours(name: str) -> bool:
    """Whether a name means a metric that comes along: no package's, and no file's of the user."""
    return _key(name) in _ALIASES


def find(name: str) -> Metric | None:
    """What a name means, as Keras or scikit-learn spell it; None where it means nothing."""
    registered = registered_name(name)
    return None if registered is None else METRICS[registered]


def _fitting(task: str, units: int) -> list[str]:
    """The names that fit a task with so many targets."""
    return [name for name, metric in METRICS.items() if metric.fits(task, units)]


def require(name: str, task: str, units: int, *, of: str = "") -> Metric:
    """Returns what a name means for a task with so many targets.

    Args:
        of: The output that is measured, for messages; the name without it is ``name``.

    Raises:
        UserError: Nothing: close names and those that there are.
    """
    metric = find(name)
    if metric is not None and metric.fits(task, units):
        return metric
    known = _fitting(task, units)
    where = f" of the output {of}" if of else ""
    if metric is None:
        others = [*known, *(also for each in known for also in METRICS[each].also)]
        hint = did_you_mean(name.lower(), others) or f" See: {', '.join(known[:8])}."
        raise UserError(
            f"Expected the name of a metric of Keras that scikit-learn knows too{where}. "
            f"Received: {name[:40]!r}.{hint}"
        )
    raise UserError(
        f"Expected a metric that can be computed for the task {shown_task(task)!r}{where}, one of "
        f"{', '.join(dict.fromkeys(known[:8] + known[-3:]))}. Received: {quoted(name)}."
    )
