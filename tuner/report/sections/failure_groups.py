"""Where trials failed and why: failures of one kind together, with what they have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.parameters.literals import format_value
from storage.trials import TrialRecord
from tuner import formatting
from tuner.report.document import Section, Table
from tuner.report.study_facts import StudyFacts

SAMPLE = 8  # numbers of trials that are listed
TRAITS = 3  # things in common that are listed
NARROW = 1 / 3  # of all trials at most lie in a range that counts as something in common
ENOUGH = 3  # failures below which nothing can be said about them


@dataclass(frozen=True, kw_only=True)
class Group:
    """Failures of one kind.

    Attributes:
        message: The most frequent one.
        common: What the failed trials share and most others do not, in words.
    """

    kind: str
    trials: list[int]
    message: str
    common: list[str]

    @property
    def sample(self) -> str:
        """``3, 7, 12`` or ``3, 7, ... (40)``."""
        shown = ", ".join(map(str, self.trials[:SAMPLE]))
        return shown if len(self.trials) <= SAMPLE else f"{shown}, ..."


def sections(facts: StudyFacts) -> Iterator[Section]:
    """One, also where no trial failed."""
    kinds = groups(facts.trials)
    if not kinds:
        yield Section(title="Failures", text=["No trial failed."])
        return
    rows = [
        (
            group.kind,
            str(len(group.trials)),
            group.message,
            "; ".join(group.common) or "-",
            group.sample,
        )
        for group in kinds
    ]
    name = facts.status.study.typed
    yield Section(
        title="Failures",
        text=[
            f"{sum(len(group.trials) for group in kinds):,} of {facts.status.trials.ended:,} "
            "trials could not finish. In common: what all of them share and at most a third of "
            f"the others do. Their tracebacks: tuner logs {name} {kinds[0].trials[0]}"
        ],
        table=Table(
            columns=("why", "trials", "message", "in common", "which"),
            rows=rows,
            right=frozenset({"trials"}),
        ),
    )


def groups(trials: Sequence[TrialRecord]) -> list[Group]:
    """The failed trials by kind, the most frequent first."""
    by_kind: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        if trial.state == "failed" and trial.failure is not None:
            by_kind.setdefault(trial.failure.kind, []).append(trial)
    others = [trial for trial in trials if trial.state != "failed"]
    unsorted = [
        Group(
            kind=kind,
            trials=[trial.number for trial in failed],
            message=_message(failed),
            common=in_common(failed, others)[:TRAITS],
        )
        for kind, failed in by_kind.items()
    ]
    return sorted(unsorted, key=lambda group: (-len(group.trials), group.kind))


def _message(failed: Sequence[TrialRecord]) -> str:
    counted = Counter(trial.failure.message for trial in failed if trial.failure is not None)
    message, count = counted.most_common(1)[0]
    different = len(counted) - 1
    return message if not different else f"{message} ({count} times, and {different} others)"


def in_common(failed: Sequence[TrialRecord], others: Sequence[TrialRecord]) -> list[str]:
    """Hyperparameters of all failed trials that few others have, the most telling first."""
    if len(failed) < ENOUGH:
        return []
    names = dict.fromkeys(name for trial in failed for name in trial.hyperparameters)
    shares = {}
    for name in names:
        theirs = [trial.hyperparameters.get(name) for trial in failed]
        rest = [trial.hyperparameters.get(name) for trial in others]
        if any(value is None for value in theirs):
            continue
        trait, share = _trait(theirs, rest)
        if trait and share <= NARROW:
            shares[f"{name} {trait}"] = share
    return sorted(shares, key=lambda trait: shares[trait])


def _trait(theirs: Sequence[Any], rest: Sequence[Any]) -> tuple[str, float]:
    """What the values have in common, and the share of the other trials with that in common."""
    if not rest:
        return "", 1.0
    if len({format_value(value) for value in theirs}) == 1:
        same = format_value(theirs[0])
        return f"= {formatting.setting(theirs[0])}", sum(
            format_value(v) == same for v in rest
        ) / len(rest)
    if any(isinstance(v, (bool, str)) or not isinstance(v, (int, float)) for v in theirs):
        return "", 1.0
    low, high = min(theirs), max(theirs)
    numbers = [v for v in rest if isinstance(v, (int, float)) and not isinstance(v, bool)]
    inside = sum(low <= v <= high for v in numbers) / len(rest)
    return f"from {formatting.setting(low)} to {formatting.setting(high)}", inside
