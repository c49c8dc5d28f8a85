"""What a trial costs, side by side: stock Keras, Optuna, KerasTuner, this project, arithmetic.

    python -m benchmarks.training [--data mnist5000] [--epochs 10,30] [--threads 1] [--quick]

Every contender is a warm process of its own. They take turns set by set, one at a time, so that
whatever else happens on the machine happens to all of them; ratios are per set, their mean is
geometric. Peers come with the extra ``bench``; those that are not installed are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.sets import SETS, Set, data_spec, widths  # noqa: E402
from benchmarks.studies import start_up, throughput  # noqa: E402

NEEDS = {"optuna": "optuna_integration", "keras-tuner": "keras_tuner"}
GOALS = {("mixed", 10): 6.0, ("mixed", 30): 5.0, ("alike", 10): 8.0, ("alike", 30): 6.0}
Answer = dict[str, Any]


class Process:
    """A contender's process, as seen from here."""

    def __init__(self, kind: str, folder: Path, epochs: int, options: argparse.Namespace) -> None:
        words = [kind, options.data, str(folder), str(epochs), str(options.threads)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.contenders", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if options.debug else subprocess.DEVNULL,
            text=True,
            env=_environment(options.threads),
        )

    def wait(self) -> None:
        """Returns when it has started."""
        self._hear()

    def train(self, chosen: Set) -> Answer:
        """One trial; seconds and megabytes."""
        return self._ask({"do": "trial", "set": chosen})

    def forget(self) -> None:
        """Drops all traces."""
        self._ask({"do": "forget"})

    def end(self) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()

    def _ask(self, command: dict[str, Any]) -> Answer:
        print(json.dumps(command), file=self._process.stdin, flush=True)
        return self._hear()

    def _hear(self) -> Answer:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise SystemExit("A contender died; see why with --debug.")
        answer: Answer = json.loads(line)
        return answer


def _environment(threads: int) -> dict[str, str]:
    fixed = {
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "OMP_NUM_THREADS": str(threads),
    }
    return {**os.environ, **fixed}


@contextmanager
def processes(
    kinds: Sequence[str], folder: Path, epochs: int, options: argparse.Namespace
) -> Iterator[dict[str, Process]]:
    """Contenders, warm: each has trained one set that does not count."""
    with ExitStack() as stack:
        made = {}
        for kind in kinds:
            made[kind] = Process(kind, folder, epochs, options)
            stack.callback(made[kind].end)
        for process in made.values():
            process.wait()
            process.train({**SETS["mixed"][4], "activation": "silu"})
        yield made


def compare(
    name: str, epochs: int, kinds: Sequence[str], folder: Path, options: argparse.Namespace
) -> None:
    """One table: every contender on the same sets."""
    sets = SETS[name][: options.sets]
    told: dict[str, list[list[Answer]]] = defaultdict(lambda: [[] for _ in sets])
    with processes(kinds, folder, epochs, options) as made:
        for _ in range(options.repeat):
            made["project"].forget()
            for i, chosen in enumerate(sets):
                for kind, process in made.items():
                    told[kind][i].append(process.train(chosen))
                told["project, again"][i].append(made["project"].train(chosen))
    print(f"\n{name} sets, {epochs} epochs, {options.data}, {options.threads} thread(s)")
    print("(again: the same set a second time, when its architecture has been traced)")
    _print_sets(sets, told)
    _print_means(told, GOALS.get((name, epochs)))
    _print_trial(told)


def _print_sets(sets: Sequence[Set], told: dict[str, list[list[Answer]]]) -> None:
    print("  ".join([f"{'set':36}", *(f"{kind:>11}" for kind in told)]))
    for i, chosen in enumerate(sets):
        units = "-".join(map(str, widths(chosen)))
        words = (units, chosen["activation"], chosen["optimizer"], chosen["batch_size"])
        label = " ".join(map(str, words))
        seconds = [f"{_median(told[kind][i], 'wall'):{max(11, len(kind))}.3f}" for kind in told]
        print("  ".join([f"{label:36}", *seconds]))


def _print_means(told: dict[str, list[list[Answer]]], goal: float | None) -> None:
    """How many times as long as this project's trial, by the clock and in CPU time."""
    for kind in told:
        if kind != "project":
            wall, cpu = (_ratio(told[kind], told["project"], unit) for unit in ("wall", "cpu"))
            known = _ratio(told[kind], told["project, again"], "wall")
            print(
                f"{kind:24} {wall:6.2f} x the project's time, {cpu:6.2f} x its CPU time; "
                f"{known:6.2f} x where traced before"
            )
    for kind in NEEDS.keys() & told.keys():
        if goal is not None:
            reached = _ratio(told[kind], told["project"], "wall")
            print(f"goal {goal:g}x against {kind}: {_met(reached >= goal)} ({reached:.2f}x)")


def _print_trial(told: dict[str, list[list[Answer]]]) -> None:
    first = [median(a["training"] for a in answers) for answers in told["project"]]
    later = [a for answers in told["project, again"] for a in answers]
    again = [median(a["training"] for a in x) for x in told["project, again"]]
    tracing = [one - other for one, other in zip(first, again, strict=True)]
    outside = sum(a["wall"] - a["training"] for a in later) / sum(a["wall"] for a in later)
    store, beside = (median(a[name] for a in later) for name in ("store", "store_beside"))
    print(
        f"a trial of the project: tracing {median(tracing):.3f} s where it is the first of its "
        f"architecture; store {store * 1e3:.0f} ms waited for and {beside * 1e3:.0f} ms beside "
        f"training; outside training {median(a['wall'] - a['training'] for a in later):.3f} s, "
        f"{outside:.1%} of the time"
    )


def compare_epochs(folder: Path, options: argparse.Namespace) -> None:
    """An epoch against its matrix products, where those are large."""
    shapes = (((256, 256), 64), ((512, 512), 128), ((512, 512, 512), 128))
    told = defaultdict(list)
    sets = [
        {**SETS["mixed"][0], **{f"units_{i}": w for i, w in enumerate(units)}, "layers": len(units)}
        | {"batch_size": batch}
        for units, batch in shapes
    ]
    epochs, rounds = (4, 1) if options.smoke else (12, 3)
    with processes(("epochs", "floor"), folder, epochs, options) as made:
        for _ in range(rounds):
            for i, chosen in enumerate(sets):
                told[i].append(
                    made["epochs"].train(chosen)["epoch"]
                    / (made["floor"].train(chosen)["wall"] / epochs)
                )
    print(f"\nan epoch against its matrix products, {options.data}, goal 1.7x")
    for i, (units, batch) in enumerate(shapes):
        ratio = median(told[i])
        print(f"  {units} batch {batch}: {ratio:.2f}x, {_met(ratio <= 1.7)}")


def compare_workers(folder: Path, options: argparse.Namespace) -> None:
    """Trials an hour of one and two real workers, in turns; how busy they are."""
    spec, epochs = data_spec(options.data, folder), options.epochs[0]
    told = defaultdict(list)
    for _ in range(options.repeat):
        for count in (1, 2):
            told[count].append(
                throughput(
                    folder,
                    spec,
                    epochs,
                    SETS["mixed"][: options.sets],
                    count=count,
                    threads=options.threads,
                    rounds=1 if options.smoke else 3 * count,
                )
            )
    print(f"\nreal workers, {epochs} epochs, {options.threads} thread(s) each, mixed sets")
    for count, answers in told.items():
        rate, busy, start = (_median(answers, name) for name in ("per_hour", "busy", "start_up"))
        print(f"  {count}: {rate:.0f} trials an hour, busy {busy:.1%}; start-up {start:.1f} s")
    gain = _median(told[2], "per_hour") / _median(told[1], "per_hour")
    busy = _median(told[1], "busy")
    print(f"  two against one: {gain:.2f}x, goal 1.7x {_met(gain >= 1.7)}")
    print(f"  one worker's time outside training: {1 - busy:.1%}, goal 3% {_met(busy >= 0.97)}")


def compare_memory(folder: Path, options: argparse.Namespace) -> None:
    """Memory after 12 and after 200 trials."""
    sets = SETS["mixed"] + SETS["alike"]
    looks = (1, 2, 3, 4) if options.smoke else (12, len(sets), 100, 200)
    with processes(("project",), folder, 3, options) as made:
        answers = [made["project"].train(sets[i % len(sets)]) for i in range(looks[-1])]
    first, seen, *_, late = (answers[count - 1] for count in looks)
    print("\nmemory in MB, resident and peak")
    for count in looks:
        answer = answers[count - 1]
        print(f"  after {count:3} trials: {answer['resident']:.0f}, {answer['peak']:.0f}")
    growth = late["resident"] / first["resident"] - 1
    print(f"  from {looks[0]} to {looks[-1]}: {growth:+.1%}, goal 5% {_met(growth <= 0.05)}")
    growth = late["resident"] / seen["resident"] - 1
    print(f"  since all architectures of this test were seen: {growth:+.1%}")


def compare_start_up(folder: Path, options: argparse.Namespace) -> None:
    """From ``tuner launch`` to the first epoch, against importing TensorFlow and the data."""
    spec = data_spec("digits", folder)
    answers = [start_up(folder, spec) for _ in range(1 if options.smoke else 3)]
    ratio = median(a["first_epoch"] / a["alone"] for a in answers)
    alone, first, whole = (_median(answers, name) for name in ("alone", "first_epoch", "whole"))
    print(
        f"\nstart-up: TensorFlow and the data alone {alone:.1f} s; launch to the first epoch "
        f"{first:.1f} s, {ratio:.2f}x, goal 1.3x {_met(ratio <= 1.3)}; whole command {whole:.1f} s"
    )


def _ratio(these: list[list[Answer]], those: list[list[Answer]], unit: str) -> float:
    return geometric_mean(
        _median(one, unit) / _median(other, unit) for one, other in zip(these, those, strict=True)
    )


def _median(answers: Sequence[Answer], name: str) -> float:
    return median(answer[name] for answer in answers)


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="mnist5000", help="mnist5000, or a name of `tuner data`")
    parser.add_argument("--epochs", default="10,30")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sets", type=int, default=12)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--parts", default="mixed,alike,epochs,workers,memory,start")
    parser.add_argument("--quick", action="store_true", help="three sets of digits, 5 epochs")
    parser.add_argument("--debug", action="store_true", help="show what the processes print")
    parser.add_argument("--smoke", action="store_true", help="every part once, as small as can be")
    options = parser.parse_args(words)
    if options.quick:
        options.data, options.epochs, options.sets = "digits", "5", 3
        options.parts = "mixed,alike,epochs"
    if options.smoke:
        options.data, options.epochs, options.sets = "digits", "1", 1
    options.epochs = [int(epochs) for epochs in options.epochs.split(",")]
    options.parts = options.parts.split(",")
    return options


def main(words: Sequence[str] | None = None) -> None:
    options = _options(words)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    missing = {kind for kind, module in NEEDS.items() if importlib.util.find_spec(module) is None}
    for kind in missing:
        print(f"{kind} is left out: install the extra `bench`")
    kinds = [k for k in ("stock", "optuna", "keras-tuner", "project", "floor") if k not in missing]
    os.environ.update(_environment(options.threads))
    parts = {
        "epochs": compare_epochs,
        "workers": compare_workers,
        "memory": compare_memory,
        "start": compare_start_up,
    }
    with tempfile.TemporaryDirectory(prefix="tuner-benchmark-") as name:
        folder = Path(name)
        data_spec(options.data, folder)  # written before processes read it
        for epochs in options.epochs:
            for sets in SETS.keys() & set(options.parts):
                compare(sets, epochs, kinds, folder, options)
        for part in options.parts:
            if part in parts:
                parts[part](folder, options)


if __name__ == "__main__":
    main()
