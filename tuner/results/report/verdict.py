"""What a study found, in sentences and in a few numbers."""

from __future__ import annotations

from storage.trials import TrialRecord
from tuner import words
from tuner.results.report.facts import Facts
from tuner.results.report.savings import Savings


def verdict(facts: Facts) -> str:
    """The best trial and how good it is; why there is none; whether it still gets better."""
    if not facts.ranking:
        return f"No trial is complete: {_why_none(facts)}."
    best = facts.ranking[0]
    test = words.measures(best.metrics, words.TEST)
    on_test = f"; on the test part it scores {test}" if test else ""
    if facts.front:
        return (
            f"{words.count(len(facts.front)).capitalize()} of {len(facts.ranking):,} complete ones "
            f"{'is' if len(facts.front) == 1 else 'are'} on the Pareto front. Of these trial "
            f"{best.number} has the {facts.goal.extreme} {facts.goal.text}: "
            f"{words.objectives(best, facts.goals)}{on_test}."
        )
    return (
        f"Trial {best.number} is the best of {words.count(facts.status.trials.ended)} with a "
        f"{facts.goal.text} of {words.number(best.value)} "
        f"{words.place(facts.status.study, best)}{on_test}. "
        f"{_outlook(facts, best)}"
    )


def _why_none(facts: Facts) -> str:
    counts = facts.status.trials
    kinds = ", ".join(f"{count} {kind}" for kind, count in facts.status.failures.items())
    failed = f"{counts.failed} failed ({kinds})" if counts.failed else ""
    pruned = f"{counts.pruned} {'was' if counts.pruned == 1 else 'were'} pruned"
    return " and ".join(filter(None, (failed, pruned if counts.pruned else "")))


def _outlook(facts: Facts, best: TrialRecord) -> str:
    since = sum(trial.number > best.number for trial in facts.of("complete", "pruned"))
    if not since:
        return "It was the last one to end: more trials may well find a better one."
    return f"{words.count(since).capitalize()} after it found nothing better."


def tiles(facts: Facts, saved: Savings) -> list[tuple[str, str]]:
    """The numbers at the top of the page."""
    status = facts.status
    ended, budget = status.trials.ended, status.study.budget
    told = [("trials", f"{ended:,}" + (f" of {budget:,}" if ended < budget else ""))]
    if facts.ranking:
        told.append((f"best {facts.goal.text}", words.number(facts.ranking[0].value)))
        told += _score(facts.ranking[0])
    if facts.front:
        told.append(("on the Pareto front", words.count(len(facts.front))))
    if saved.pruned:
        told.append(("epochs saved by pruning", f"{saved.share:.0%}"))
    told.append(("from first to last trial", words.duration(wall_seconds(facts))))
    if status.workers:
        told.append(("workers", str(len(status.workers))))
    return told


def _score(best: TrialRecord) -> list[tuple[str, str]]:
    """The first metric on the test part that is not the loss."""
    for prefix, part in ((words.TEST, "test"), (words.VALIDATION, "validation")):
        for name, value in sorted(best.metrics.items()):
            if name.startswith(prefix) and name != f"{prefix}loss":
                return [(f"{part} {name.removeprefix(prefix)}", words.number(value))]
    return []


def wall_seconds(facts: Facts) -> float | None:
    """Seconds from the begin of the first trial to the end of the last."""
    begun = [trial.begun_at for trial in facts.trials if trial.begun_at is not None]
    ended = [trial.ended_at for trial in facts.trials if trial.ended_at is not None]
    return max(ended) - min(begun) if begun and ended else None
