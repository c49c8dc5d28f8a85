"""Fewer of what is too much to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from storage.trials import TrialRecord

Item = TypeVar("Item")


def downsample(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of them, evenly spread, in their order; the first and last are kept."""
    if len(items) <= most:
        return list(items)
    step = (len(items) - 1) / (most - 1)
    return [items[round(i * step)] for i in range(most)]


def downsample_keeping_best(
    measured: Sequence[TrialRecord], most: int, sign: int
) -> list[TrialRecord]:
    """At most so many trials by number: half of them the best, the others spread over the rest.

    Args:
        sign: -1 where higher values are better, else 1.
    """
    if len(measured) <= most:
        return list(measured)
    by_value = sorted(measured, key=lambda trial: (sign * (trial.value or 0.0), trial.number))
    best = by_value[: most // 2]
    best_numbers = {trial.number for trial in best}
    rest = [trial for trial in measured if trial.number not in best_numbers]
    return sorted([*best, *downsample(rest, most - len(best))], key=lambda trial: trial.number)


def count_of(shown: int, total: int, what: str) -> str:
    """``200 of 5,000 trials``, ``all 30 trials`` or ``1 trial``; ``what`` is one of them."""
    if total == 1:
        return f"1 {what}"
    return f"all {total:,} {what}s" if shown >= total else f"{shown:,} of {total:,} {what}s"
