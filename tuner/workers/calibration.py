"""How many workers get most done on this machine: measured with the study's own models and data.

Each number of workers is tried for a moment: so many processes, each with its share of the cores,
train the space's first starting point at the same time. What they measure starts when all are
warm, so that nobody has the machine to itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces.define_by_run import DefaultTrial
from search_spaces.space import SearchSpace
from search_spaces.user_code.isolation import isolated, original
from tuner.errors import UserError, exit_cause, one_line
from tuner.resources import memory
from tuner.resources.cores_and_gpus import cores, environment
from tuner.studies.loading import load_data, load_space
from tuner.studies.study_data import StudyData
from tuner.studies.study_spec import StudySpec
from tuner.study_setup.private_output import private_output

if TYPE_CHECKING:
    from tuner.datasets import Data
    from tuner.training import ThroughputMeter

SECONDS = 3.0  # that each number of workers is measured for
SLICE = 0.2  # seconds of training between two looks at the clock
PATIENCE = 300.0  # seconds until the processes must be warm
CLOSE = 0.95  # of the best: fewer workers that get as much done are preferred
POLL = 0.05  # seconds
ROOM = 0.9  # of the free memory

GoOn = Callable[[], bool]


class CalibrationStopped(Exception):
    """Somebody asked to stop."""


@dataclass(frozen=True, kw_only=True)
class CalibrationResult:
    """What was measured.

    Attributes:
        rates: Rows a second of all workers together, by their number.
        limit: Why no more workers were tried, in words; empty where all numbers were.
    """

    rates: Mapping[int, float]
    limit: str = ""

    @property
    def workers(self) -> int:
        """The smallest number that gets about as much done as the best."""
        best = max(self.rates.values())
        return min(count for count, rate in self.rates.items() if rate >= CLOSE * best)

    def __str__(self) -> str:
        measured = ", ".join(f"{rate:,.0f} with {count}" for count, rate in self.rates.items())
        limit = f" ({self.limit})" if self.limit else ""
        return f"Workers: {self.workers}. Measured rows a second: {measured}{limit}."


def measure(spec: StudySpec, *, most: int, threads: int | None, go_on: GoOn) -> CalibrationResult:
    """Tries numbers of workers.

    Args:
        most: More are not needed.
        threads: CPU threads of each; None shares the cores.
        go_on: Asked all the time.

    Raises:
        Stopped: It was not to go on; no process is left.
        UserError: Not even one worker could train.
    """
    rates: dict[int, float] = {}
    free, size = memory.available(), 0
    for count in candidates(min(most, cores() // (threads or 1))):
        if free is not None and count * size > ROOM * free:
            return CalibrationResult(rates=rates, limit=f"{count} have no room in memory")
        share = threads or max(1, cores() // count)
        try:
            with _Team(spec, count, threads=share, go_on=go_on) as team:
                rates[count], size = team.rate(), team.size
        except UserError as e:
            if not rates:
                raise
            return CalibrationResult(rates=rates, limit=f"{count} did not get through: {e}")
    return CalibrationResult(rates=rates)


def candidates(most: int) -> list[int]:
    """The numbers of workers that are tried: 1, 2, 4, ... and the largest."""
    powers = [2**i for i in range(max(1, most).bit_length())]
    return sorted({*powers, max(1, most)})


class _Team:
    """Processes that train at the same time; none is left after the ``with`` block."""

    def __init__(self, spec: StudySpec, count: int, *, threads: int, go_on: GoOn) -> None:
        self._plan = json.dumps({"spec": spec.to_dict(), "threads": threads})
        self._count, self._threads, self._go_on = count, threads, go_on
        self._members: list[tuple[subprocess.Popen[bytes], Any]] = []
        self.size = 0  # bytes of memory that the largest member holds

    def __enter__(self) -> _Team:
        try:
            for _ in range(self._count):
                self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process, answers in self._members:
            process.kill()
            process.wait()
            assert process.stdin is not None
            process.stdin.close()
            answers.close()

    def rate(self) -> float:
        """Rows a second of all members together."""
        warm = self._wait(1)
        self.size = max(answer["memory"] or 0 for answer in warm)
        for process, _ in self._members:
            self._tell(process, "go")
        return float(sum(answer["rows_per_second"] for answer in self._wait(2)))

    def _start(self) -> None:
        answers = tempfile.TemporaryFile(prefix="tuner-measuring-")  # noqa: SIM115
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tuner.workers.calibration"],
            env=environment(threads=self._threads),
            stdin=subprocess.PIPE,
            stdout=answers,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for this process alone
        )
        self._members.append((process, answers))
        self._tell(process, self._plan)

    def _tell(self, process: subprocess.Popen[bytes], line: str) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: that is found when it is waited for

    def _wait(self, number: int) -> list[dict[str, Any]]:
        """The answers of all members, the first or the second one."""
        deadline = time.monotonic() + PATIENCE
        while True:
            if not self._go_on():
                raise CalibrationStopped
            ended = [process.poll() is not None for process, _ in self._members]
            answers_of_each = [_answers(file) for _, file in self._members]
            if all(len(answers) >= number for answers in answers_of_each):
                return [_checked(answers[number - 1]) for answers in answers_of_each]
            for over, answers, (process, _) in zip(
                ended, answers_of_each, self._members, strict=True
            ):
                if over and len(answers) < number:
                    _checked(answers[-1] if answers else {})
                    raise UserError(f"a process ended with {exit_cause(process.returncode)}")
            if time.monotonic() > deadline:
                raise UserError(f"processes were not ready after {PATIENCE:.0f} seconds")
            time.sleep(POLL)


def _answers(file: Any) -> list[dict[str, Any]]:
    """The whole lines of a file that another process writes to; its place is left alone."""
    text = os.pread(file.fileno(), 1 << 20, 0).decode()
    return [json.loads(line) for line in text.split("\n")[:-1]]


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "refused" in answer:
        raise UserError(answer["refused"])
    return answer


def main() -> None:
    """The process's entry: a plan, then a word to go on standard input; two answers on output."""
    answers = private_output()

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    plan = json.loads(sys.stdin.readline())
    sys.path.append(os.getcwd())  # last, as for workers
    try:
        with isolated("a model", passing=(Exception,)):
            meter = _prepare(StudySpec.from_dict(plan["spec"]), plan["threads"])
            steps = _warm(meter)
            answer(memory=memory.resident())
            if sys.stdin.readline():  # else nobody is left to wait for it
                answer(rows_per_second=_pace(meter, steps))
    except Exception as e:
        answer(refused=one_line(original(e)))


def _prepare(spec: StudySpec, threads: int) -> ThroughputMeter:
    from tuner import training

    training.use_device(threads=threads)
    space, study_data = load_space(spec), StudyData(spec.data, load_data(spec))
    point = next(iter(space.starting_points()), None)
    data = study_data.of(point or {})
    with training.seeded(spec.seed), training.precision(spec.precision):
        hyperparameters, model = _first(space, point, data)
    return training.ThroughputMeter(model, hyperparameters, data, metrics=spec.metrics)


def _first(
    space: SearchSpace, point: dict[str, Any] | None, data: Data
) -> tuple[dict[str, Any], Any]:
    """The first starting point with its model; where there is none, the middle of the space."""
    if point is not None:
        return point, space.construct(point, data.inputs, data.outputs)
    middle: Any = DefaultTrial()
    return space.sample_and_build(middle, data.inputs, data.outputs)


def _warm(meter: ThroughputMeter) -> int:
    """Trains until all is traced; returns how many steps take about a slice of time."""
    meter.run(1)
    steps = 1
    while True:
        began = time.perf_counter()
        meter.run(steps)
        if time.perf_counter() - began > SLICE or steps >= meter.steps:
            return steps
        steps = min(2 * steps, meter.steps)


def _pace(meter: ThroughputMeter, steps: int) -> float:
    """Rows a second over the time that all members are measured for."""
    rows, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < SECONDS:
        rows += meter.run(steps)
    return rows / spent


if __name__ == "__main__":
    main()
