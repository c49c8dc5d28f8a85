"""The live view of a study, from the store alone.

On a terminal a few lines are drawn again and again; elsewhere there is one plain line for each
trial that ends. A store that is away is shown, and asked again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from storage import overview, trials
from storage.database.availability import patiently
from storage.database.engine import Store
from storage.errors import StoreUnreachable
from storage.overview import Status
from storage.studies import Study
from storage.trials import TrialRecord
from tuner import formatting

INTERVAL = 1.0  # seconds between two looks into the store
RECENT = 30  # ended trials that tell how long one takes
PATIENCE = 30.0  # seconds that a store may be away when watching begins
AT_ONCE = 500  # ended trials told after one look; more ended only if the store was away


@dataclass(kw_only=True)
class View:
    """What is known of a study.

    Attributes:
        status: As it was when the store answered last.
        ended: Trials that ended since the look before, oldest first.
        seconds_left: Estimated; None while nothing has ended.
        away: Why the store does not answer; None while it does.
    """

    status: Status
    ended: list[TrialRecord] = field(default_factory=list)
    seconds_left: float | None = None
    away: str | None = None


class Watch:
    """Looks into the store, with queries whose cost does not grow with what has ended."""

    def __init__(self, store: Store, study: Study) -> None:
        self._store, self._study = store, study
        before = trials.ended(store, study, count=RECENT)
        self._told = {trial.trial_id for trial in before}
        self._since = max((trial.ended_at or 0.0 for trial in before), default=0.0)
        self._recent: deque[float] = deque(_lengths(before), maxlen=RECENT)
        self._counted = -1  # trials that had ended at the last look
        self.view = View(status=overview.status(store, study))

    def look(self) -> View:
        """Returns the study as it is now.

        Raises:
            StudyGone: It was deleted.
        """
        try:
            status = overview.status(self._store, self._study)
            ended = self._newly_ended() if status.trials.ended != self._counted else []
        except StoreUnreachable as e:
            self.view = View(status=self.view.status, away=str(e))
            return self.view
        self._counted = status.trials.ended
        self._recent.extend(_lengths(ended))
        self.view = View(status=status, ended=ended, seconds_left=self._left(status))
        return self.view

    def _newly_ended(self) -> list[TrialRecord]:
        ended = trials.ended(self._store, self._study, since=self._since, count=AT_ONCE)
        new = [trial for trial in ended if trial.trial_id not in self._told]
        # Several may end within one tick of the database's clock.
        self._since = max((trial.ended_at or 0.0 for trial in new), default=self._since)
        self._told = {trial.trial_id for trial in ended}
        return new

    def _left(self, status: Status) -> float | None:
        """Trials that are running are taken to be half done; how many rest for good is unknown."""
        workers = sum(worker.state == "alive" for worker in status.workers)
        counts = status.trials
        if not self._recent or not workers or counts.resting:
            return None
        to_do = counts.unstarted + counts.waiting + counts.running / 2
        left = to_do * sum(self._recent) / len(self._recent) / workers
        deadline = status.study.deadline
        return left if deadline is None else max(0.0, min(left, deadline - time.time()))


def _lengths(ended: Iterable[TrialRecord]) -> list[float]:
    """Seconds from begin to end of trials that were not interrupted."""
    return [
        trial.ended_at - trial.begun_at
        for trial in ended
        if trial.attempt == 1 and trial.ended_at is not None and trial.begun_at is not None
    ]


class Monitor:
    """Shows a study for as long as a ``with`` block lasts.

    Attributes:
        status: The study as it was at the last look.
    """

    def __init__(self, store: Store, study: Study, console: Console) -> None:
        self._watch = patiently(lambda: Watch(store, study), seconds=PATIENCE)
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._drawn = console.is_terminal and not console.is_dumb_terminal
        self._looked = time.monotonic()
        best = self._watch.view.status.best
        self._best = None if best is None else best.value
        self._said: set[str] = set()
        self._away = False

    @property
    def status(self) -> Status:
        """The study as it was at the last look."""
        return self._watch.view.status

    @property
    def away(self) -> bool:
        """Whether the store did not answer at the last look."""
        return self._watch.view.away is not None

    def __enter__(self) -> Monitor:
        if self._drawn:
            self._live.start()
            self._live.update(panel(self._watch.view), refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            self._live.stop()

    def update(self, *, now: bool = False) -> None:
        """Looks into the store if that is due, or ``now``, and shows what has changed.

        Raises:
            StudyGone: The study was deleted.
        """
        if not now and time.monotonic() - self._looked < INTERVAL:
            return
        view = self._watch.look()
        self._looked = time.monotonic()
        self._tell_store(view)
        for trial in view.ended:
            self._tell_trial(trial)
        if self._drawn:
            self._live.update(panel(view), refresh=True)

    def say(self, line: str, style: str = "") -> None:
        """Prints a line, above what is drawn."""
        self._console.print(Text(line, style=style), soft_wrap=not self._drawn)

    def say_once(self, line: str) -> None:
        """Prints an error, unless it was printed before."""
        if line not in self._said:
            self._said.add(line)
            self.say(line, style="red")

    def mute(self) -> None:
        """Prints nothing any more: the terminal is gone."""
        self._console.quiet = True

    def _tell_store(self, view: View) -> None:
        away = view.away is not None
        if away and not self._away and not self._drawn:
            self.say(f"the store is away: {view.away}", style="red")
        if self._away and not away:
            self.say("the store is back")
        self._away = away

    def _tell_trial(self, trial: TrialRecord) -> None:
        if trial.state == "complete" and trial.value is not None:
            better = max if self._watch.view.status.study.sign < 0 else min
            self._best = trial.value if self._best is None else better(self._best, trial.value)
        self.say(formatting.ended(self._watch.view.status.study, trial, self._best))
        if trial.failure is not None and trial.state == "failed":
            self.say_once(f"  {formatting.failure(trial)}")


def panel(view: View) -> RenderableType:
    """What is drawn on a terminal: the study, then a line for each worker."""
    status = view.status
    head = Text(status.study.name, style="bold")
    if status.study.state != "running":
        head.append(f" {status.study.state}", style="yellow")
    lines = [head, Text(formatting.progress(status.trials, status.study.budget))]
    lines.append(Text(_outlook(view)))
    if view.away is not None:
        lines.append(Text(view.away, style="red"))
    return Group(Text(""), *lines, workers_at_work(status))


def _outlook(view: View) -> str:
    best, left = view.status.best, view.seconds_left
    outlook = "no best trial yet" if best is None else f"best {formatting.number(best.value)}"
    if best is not None:
        outlook += f" (trial {best.number})"
    if view.status.front:
        outlook += f", {formatting.count(len(view.status.front))} on the Pareto front"
    return outlook if left is None else f"{outlook}, about {formatting.duration(left)} left"


def workers_at_work(status: Status) -> RenderableType:
    """One line for each live worker: its trial, epoch and lowest loss."""
    alive = [worker for worker in status.workers if worker.state == "alive"]
    if not alive:
        return Text("workers are starting" if status.study.state == "running" else "no workers")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("worker", overflow="ellipsis", no_wrap=True)
    for name in ("trial", "epoch", "loss"):
        table.add_column(name, justify="right", no_wrap=True)
    for worker in alive:
        trial, epoch = (
            "-" if count is None else str(count) for count in (worker.trial, worker.epoch)
        )
        table.add_row(worker.name, trial, epoch, formatting.number(worker.value))
    return table
