"""A study's facts as sections with text, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tuner import words
from tuner.goal import LOSS
from tuner.results.report import failures, figures, front, learning, mirror, timeline
from tuner.results.report.document import Document, Picture, Section, Table
from tuner.results.report.facts import BEST_CURVES, Facts, drawn_pruned
from tuner.results.report.savings import Savings, lengths, savings
from tuner.results.report.thinning import best_and_spread, told
from tuner.results.report.verdict import tiles, verdict

LINES = 200  # trials in parallel coordinates
POINTS = 1000  # trials in a slice
SLICES = 12
BARS = 15  # parameters whose importance is drawn
TOP = 10  # trials in the table at the end
REACHED = "Pruned trials stand with the best that they had reached."


def compose(facts: Facts, *, scoring: Section | None = None, written: str = "") -> Document:
    """The report of a study.

    Args:
        scoring: Confusion matrix or residuals of the best model; without it the page says how to
            have them.
        written: When it was made, and by what.
    """
    study = facts.status.study
    saved = savings(facts.trials)
    spec = study.spec
    with mirror.quiet():
        sections = list(_sections(facts, saved, scoring))
    return Document(
        title=study.name,
        subtitle=f"{spec['space']} on {spec['data']['source']}, {study.state}"
        + (f": {study.reason}" if study.reason else ""),
        verdict=verdict(facts),
        tiles=tiles(facts, saved),
        sections=sections,
        footer=written,
    )


def _sections(facts: Facts, saved: Savings, scoring: Section | None) -> Iterator[Section]:
    if facts.front:
        yield front.section(facts)
    if facts.ranking:
        yield _best(facts)
    if facts.measured:
        yield _history(facts)
        yield _learning(facts)
        yield from _parameters(facts)
    if saved.pruned:
        yield _pruning(facts, saved)
    yield _failures(facts)
    if facts.status.workers:
        yield _workers(facts)
    if facts.ranking:
        yield scoring or _unscored(facts)
        yield _top(facts)
    yield _definition(facts)


def _best(facts: Facts) -> Section:
    best = facts.ranking[0]
    rows = [
        (name, words.setting(value), searched(name, facts))
        for name, value in best.hyperparameters.items()
    ]
    lines = [
        f"{part}: {measured}."
        for part, prefix in (("Validation", words.VALIDATION), ("Test", words.TEST))
        if (measured := words.measures(best.metrics, prefix))
    ]
    if facts.front:
        lines.insert(0, f"Of trial {best.number}, by the {facts.goal.text} the best of the front.")
    where = f"Model: {best.model}" if best.model else "Its model file was not kept."
    return Section(
        title="Best hyperparameters",
        text=[*lines, where],
        table=Table(
            columns=("hyperparameter", "value", "range"), rows=rows, right=frozenset({"value"})
        ),
    )


def searched(name: str, facts: Facts) -> str:
    """What a hyperparameter was chosen from, in few words."""
    if name not in facts.ranges:
        return "fixed"
    drawn = mirror.axes(facts.trials, {name: facts.ranges[name]}).get(name)
    return "always the same" if drawn is None else _range(drawn)


def _range(drawn: BaseDistribution) -> str:
    if isinstance(drawn, CategoricalDistribution):
        return ", ".join(words.setting(choice) for choice in drawn.choices)
    assert isinstance(drawn, (IntDistribution, FloatDistribution))
    scale = ", logarithmic" if drawn.log else ""
    return f"{words.setting(drawn.low)} to {words.setting(drawn.high)}{scale}"


def _history(facts: Facts) -> Section:
    goal = facts.goal
    figure = figures.history(facts.status.study.name, facts.trials, goal)
    text = f"Each trial's {goal.extreme} {goal.text}, and the best of the complete ones so far."
    alt = f"{goal.text.capitalize()} of each trial and the best so far"
    return Section(
        title="Optimisation history",
        text=[text],
        pictures=[Picture(figure=figure, alt=alt)],
    )


def _learning(facts: Facts) -> Section:
    pictures = []
    if facts.ranking:
        alt = "Learning curves of the best trials"
        pictures.append(Picture(figure=learning.best(facts), alt=alt))
    pruned, shown = facts.of("pruned"), drawn_pruned(facts.trials)
    if pruned:
        alt = "Learning curves of pruned trials beside that of the best"
        pictures.append(Picture(figure=learning.pruned(facts), alt=alt))
    text = f"{facts.goal.text.capitalize()} solid, that of training dotted."
    if facts.ranking:
        best = told(min(BEST_CURVES, len(facts.ranking)), len(facts.ranking), "complete trial")
        text += f" First: {best}, best first, a dot at the epoch whose weights were kept."
    if pruned:
        which = told(len(shown), len(pruned), "pruned trial")
        text += f" {'Then' if facts.ranking else 'Shown'}: {which}."
    return Section(title="Learning curves", text=[text], pictures=pictures, layout="grid")


def _parameters(facts: Facts) -> Iterator[Section]:
    name, measured = facts.status.study.name, facts.measured
    drawn = mirror.axes(measured, facts.ranges)
    if len(measured) < 2 or not drawn:
        yield Section(
            title="Hyperparameters",
            text=["Importance, parallel coordinates and slices need two trials that differ."],
        )
        return
    whole = mirror.mirror(name, measured, drawn, facts.goal)
    importance = figures.importances(whole)
    params = figures.chosen(importance, drawn)
    if importance:
        yield _importance(whole, importance)
    yield _parallel(facts, drawn, params)
    yield _slices(facts, drawn, params)


def _importance(whole: Any, importance: dict[str, float]) -> Section:
    bars = min(BARS, len(importance))
    return Section(
        title="Parameter importance",
        text=[
            "How well a parameter tells good trials from the others (PED-ANOVA, over complete and "
            f"pruned trials): {told(bars, len(importance), 'parameter')}."
        ],
        pictures=[
            Picture(
                figure=figures.importance(whole, count=bars),
                alt="Importance of each parameter",
                height=110 + 24 * bars,
            )
        ],
    )


def _parallel(facts: Facts, drawn: mirror.Axes, params: Sequence[str]) -> Section:
    measured = facts.measured
    few = best_and_spread(measured, LINES, facts.goal.sign)
    study = mirror.mirror(facts.status.study.name, few, drawn, facts.goal)
    there = {key for trial in few for key in trial.hyperparameters}
    first = [param for param in params if param in there][: figures.AXES]
    return Section(
        title="Parallel coordinates",
        text=[
            f"A line for each trial: {_thinned(len(few), len(measured))}; "
            f"{_important(len(first), len(params))}. {REACHED}"
        ],
        pictures=[
            Picture(
                figure=figures.parallel(study, first),
                alt="Hyperparameters of each trial as a line, coloured by value",
                height=440,
            )
        ],
        layout="wide",
    )


def _slices(facts: Facts, drawn: mirror.Axes, params: Sequence[str]) -> Section:
    measured = facts.measured
    few = best_and_spread(measured, POINTS, facts.goal.sign)
    study = mirror.mirror(facts.status.study.name, few, drawn, facts.goal)
    there = {key for trial in few for key in trial.hyperparameters}
    first = [param for param in params if param in there][:SLICES]
    pictures = [
        Picture(figure=figure, alt=f"{facts.goal.text.capitalize()} by {param}", height=280)
        for param, figure in zip(first, figures.slices(study, first), strict=True)
    ]
    return Section(
        title="Slices",
        text=[
            f"Each parameter against the {facts.goal.text}, later trials darker: "
            f"{_thinned(len(few), len(measured))}; "
            f"{_important(len(first), len(params))}. {REACHED}"
        ],
        pictures=pictures,
        layout="grid",
    )


def _thinned(shown: int, total: int) -> str:
    note = "" if shown >= total else " (the best ones, and others evenly spread)"
    return f"{told(shown, total, 'trial')}{note}"


def _important(shown: int, total: int) -> str:
    note = "" if shown >= total else ", the most important ones"
    return f"{told(shown, total, 'parameter')}{note}"


def _pruning(facts: Facts, saved: Savings) -> Section:
    text = (
        f"Stopped early: {told(saved.pruned, len(facts.of('complete', 'pruned')), 'trial')}. "
        f"{saved.spared:,} of {saved.planned:,} planned epochs ({saved.share:.0%}) were not "
        f"trained, which would have taken about {words.duration(saved.seconds)} of training."
    )
    alt = "How many trials ended after how many epochs"
    picture = Picture(figure=lengths(facts.trials), alt=alt, height=300)
    return Section(title="What pruning saved", text=[text], pictures=[picture])


def _failures(facts: Facts) -> Section:
    found = failures.groups(facts.trials)
    if not found:
        return Section(title="Failures", text=["No trial failed."])
    rows = [
        (
            group.kind,
            str(len(group.trials)),
            group.message,
            "; ".join(group.common) or "-",
            group.sample,
        )
        for group in found
    ]
    name = facts.status.study.name
    return Section(
        title="Failures",
        text=[
            f"{sum(len(group.trials) for group in found):,} of {facts.status.trials.ended:,} "
            "trials could not finish. In common: what all of them share and at most a third of "
            f"the others do. Their tracebacks: tuner logs {name} {found[0].trials[0]}"
        ],
        table=Table(
            columns=("why", "trials", "message", "in common", "which"),
            rows=rows,
            right=frozenset({"trials"}),
        ),
    )


def _workers(facts: Facts) -> Section:
    workers = facts.status.workers
    shown = timeline.drawn(facts)
    states = [worker.state for worker in workers]
    kinds = ", ".join(
        f"{states.count(state)} {state}" for state in ("alive", "left", "lost") if state in states
    )
    lost = sum(attempt.ended_as == "lost" for attempt in facts.attempts)
    busy = [worker.busy for worker in workers if worker.busy is not None]
    text = f"{told(len(shown), len(workers), 'worker')} ({kinds})".capitalize()
    if busy:
        text += f", inside training for {sum(busy) / len(busy):.0%} of their time on average"
    if lost:
        trials = "1 trial was" if lost == 1 else f"{lost} trials were"
        text += f"; {trials} lost with a worker, and left for another to go on with"
    return Section(
        title="Workers",
        text=[f"{text}."],
        pictures=[
            Picture(
                figure=timeline.timeline(facts),
                alt="What every worker did when",
                height=timeline.height(len(shown)),
            )
        ],
    )


def _unscored(facts: Facts) -> Section:
    name = facts.status.study.name
    return Section(
        title="Predictions of the best model",
        text=[
            "Left out, as was asked. To have them here, which takes TensorFlow and the data: "
            f"tuner report {name}"
        ],
    )


def _top(facts: Facts) -> Section:
    rows = [
        (
            str(trial.number),
            words.number(trial.value),
            f"{trial.best_epoch} of {trial.epoch}",
            words.duration(trial.seconds),
            words.settings(trial.hyperparameters),
        )
        for trial in facts.ranking[:TOP]
    ]
    shown = told(len(rows), len(facts.ranking), "complete trial")
    if facts.front:
        shown += ", those of the Pareto front first"
    value = (facts.goal.metric or LOSS).replace("_", " ")
    return Section(
        title="Best trials",
        text=[f"{shown.capitalize()}. All trials: tuner trials {facts.status.study.name} --csv"],
        table=Table(
            columns=("trial", value, "best epoch", "time", "hyperparameters"),
            rows=rows,
            right=frozenset({"trial", value, "best epoch", "time"}),
        ),
    )


def _definition(facts: Facts) -> Section:
    study, spec = facts.status.study, facts.status.study.spec
    rows = [
        ("search space", " ".join([spec["space"], *spec.get("overrides", ())])),
        ("data", spec["data"]["source"]),
        ("data fingerprint", str(spec.get("data_fingerprint", "-"))),
        ("compared by", ", ".join(goal.text for goal in facts.goals)),
        ("sampler", str(spec.get("sampler", "-"))),
        ("pruner", str(spec.get("pruner", {}).get("kind", "-"))),
        ("seed", str(spec.get("seed", "-"))),
        ("budget", "1 trial" if study.budget == 1 else f"{study.budget:,} trials"),
        ("launched", words.moment(study.created_at)),
    ]
    return Section(title="Definition", table=Table(columns=("", "value"), rows=rows))
