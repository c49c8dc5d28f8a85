"""What a study found, in sentences and in a few numbers."""

from __future__ import annotations

from storage.trials import TrialRecord
from tuner import formatting
from tuner.report.sections.pruning_savings import Savings
from tuner.report.study_facts import STOPPED, StudyFacts


def verdict(facts: StudyFacts) -> str:
    """The best trial and how good it is; why there is none; whether it still gets better."""
    if not facts.ranking:
        return f"No trial is complete: {_why_none(facts)}."
    best = facts.ranking[0]
    test = formatting.measures(best.metrics, formatting.TEST, facts.status.study)
    several = formatting.rounds(facts.status.study) > 1
    scored = "the model of its last training" if several else "it"
    on_test = f"; on the test part {scored} scores {test}" if test else ""
    if facts.front:
        return (
            f"{formatting.count(len(facts.front)).capitalize()} of {len(facts.ranking):,} "
            "complete ones "
            f"{'is' if len(facts.front) == 1 else 'are'} on the Pareto front. Of these trial "
            f"{best.number} has the {facts.objective.extreme} {facts.objective.text}: "
            f"{formatting.objectives(best, facts.objectives)}{on_test}."
        )
    return (
        f"Trial {best.number} is the best of {formatting.count(facts.status.trials.ended)} with a "
        f"{facts.objective.text} of {formatting.number(best.value)} "
        f"{formatting.place(facts.status.study, best)}{on_test}. "
        f"{_outlook(facts, best)}"
    )


def _why_none(facts: StudyFacts) -> str:
    counts = facts.status.trials
    kinds = ", ".join(f"{count} {kind}" for kind, count in facts.status.failures.items())
    failed = f"{counts.failed} failed ({kinds})" if counts.failed else ""
    pruned = f"{counts.pruned} {'was' if counts.pruned == 1 else 'were'} pruned"
    return " and ".join(filter(None, (failed, pruned if counts.pruned else "")))


def _outlook(facts: StudyFacts, best: TrialRecord) -> str:
    since = sum(trial.number > best.number for trial in facts.of("complete", *STOPPED))
    if not since:
        return "It was the last one to end: more trials may well find a better one."
    return f"{formatting.count(since).capitalize()} after it found nothing better."


def tiles(facts: StudyFacts, saved: Savings) -> list[tuple[str, str]]:
    """The numbers at the top of the page."""
    status = facts.status
    ended, budget = status.trials.ended, status.study.budget
    pairs = [("trials", f"{ended:,}" + (f" of {budget:,}" if ended < budget else ""))]
    if facts.ranking:
        pairs.append((f"best {facts.objective.text}", formatting.number(facts.ranking[0].value)))
        pairs += _score(facts.ranking[0])
    if facts.front:
        pairs.append(("on the Pareto front", formatting.count(len(facts.front))))
    if saved.pruned:
        pairs.append((f"{formatting.step(status.study)}s saved by pruning", f"{saved.share:.0%}"))
    pairs.append(("from first to last trial", formatting.duration(wall_seconds(facts))))
    if status.workers:
        pairs.append(("workers", str(len(status.workers))))
    return pairs


def _score(best: TrialRecord) -> list[tuple[str, str]]:
    """The first metric on the test part that is not the loss."""
    for prefix, part in ((formatting.TEST, "test"), (formatting.VALIDATION, "validation")):
        for name, value in sorted(best.metrics.items()):
            if name.startswith(prefix) and name != f"{prefix}loss":
                return [(f"{part} {name.removeprefix(prefix)}", formatting.number(value))]
    return []


def wall_seconds(facts: StudyFacts) -> float | None:
    """Seconds from the begin of the first trial to the end of the last."""
    begun = [trial.begun_at for trial in facts.trials if trial.begun_at is not None]
    ended = [trial.ended_at for trial in facts.trials if trial.ended_at is not None]
    return max(ended) - min(begun) if begun and ended else None
