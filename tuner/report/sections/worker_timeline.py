"""What every worker did when: busy with a trial, idle, or lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from storage.attempts import Attempt
from storage.workers import WorkerRecord
from tuner.report import figure_style
from tuner.report.document import Picture, Section
from tuner.report.downsample import count_of
from tuner.report.study_facts import StudyFacts

MOST = 40  # workers that are drawn
FINE = 400  # attempts that are drawn one by one; more are joined where they touch
COLOURS = {"busy": figure_style.BLUE, "given back": figure_style.ORANGE, "lost": figure_style.RED}
UNITS = (("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


@dataclass(kw_only=True)
class Span:
    """A stretch of a worker's time, seconds since 1970."""

    kind: str
    begin: float
    end: float
    trials: list[int]


def sections(facts: StudyFacts) -> Iterator[Section]:
    """One, where a worker is known."""
    if not facts.status.workers:
        return
    workers = facts.status.workers
    shown = drawn(facts)
    states = [worker.state for worker in workers]
    kinds = ", ".join(
        f"{states.count(state)} {state}" for state in ("alive", "left", "lost") if state in states
    )
    lost = sum(attempt.ended_as == "lost" for attempt in facts.attempts)
    busy = [worker.busy for worker in workers if worker.busy is not None]
    text = f"{count_of(len(shown), len(workers), 'worker')} ({kinds})".capitalize()
    if busy:
        text += f", inside training for {sum(busy) / len(busy):.0%} of their time on average"
    if lost:
        trials = "1 trial was" if lost == 1 else f"{lost} trials were"
        text += f"; {trials} lost with a worker, and left for another to go on with"
    yield Section(
        title="Workers",
        text=[f"{text}."],
        pictures=[
            Picture(
                figure=timeline(facts),
                alt="What every worker did when",
                height=height(len(shown)),
            )
        ],
    )


def drawn(facts: StudyFacts) -> list[WorkerRecord]:
    """The workers that are drawn, in the order in which they began: those with most trials."""
    had: dict[str, int] = {}
    for attempt in facts.attempts:
        had[attempt.worker_id] = had.get(attempt.worker_id, 0) + 1
    most = sorted(facts.status.workers, key=lambda worker: -had.get(worker.worker_id, 0))[:MOST]
    return sorted(most, key=lambda worker: worker.started_at)


def height(workers: int) -> int:
    """Pixels for so many workers."""
    return 120 + 26 * workers


def timeline(facts: StudyFacts) -> Any:
    """A row for each worker; time begins with the first of them."""
    workers = drawn(facts)
    rows = {worker.worker_id: _label(i, worker) for i, worker in enumerate(workers, start=1)}
    zero = min(worker.started_at for worker in workers)
    busy = {worker.worker_id: spans(facts.attempts, worker) for worker in workers}
    length = max((s.end for spans in busy.values() for s in spans), default=zero)
    length = max(length, *(worker.seen_at for worker in workers)) - zero
    unit, size = next(pair for pair in UNITS if length >= 2 * pair[1] or pair[1] == 1.0)
    figure = go.Figure()
    lives = [_life(worker, busy[worker.worker_id]) for worker in workers]
    _bars(figure, "idle", figure_style.PALE, rows.values(), lives, zero, size)
    for kind, colour in COLOURS.items():
        pairs = [(rows[i], s) for i, stretches in busy.items() for s in stretches if s.kind == kind]
        names, stretches = [name for name, _ in pairs], [s for _, s in pairs]
        _bars(figure, kind, colour, names, stretches, zero, size)
    _crosses(figure, [w for w in workers if w.state == "lost"], rows, zero, size)
    return figure_style.styled(
        figure,
        barmode="overlay",
        showlegend=True,
        bargap=0.3,
        xaxis={"title": {"text": f"{unit} from the start"}, "rangemode": "tozero"},
        yaxis={"autorange": "reversed", "type": "category", "title": {"text": ""}},
    )


def spans(attempts: Sequence[Attempt], worker: WorkerRecord) -> list[Span]:
    """The trials of a worker as stretches of time."""
    joined: list[Span] = []
    close = (worker.seen_at - worker.started_at) / 1000 if len(attempts) > FINE else -1.0
    for attempt in attempts:
        if attempt.worker_id != worker.worker_id:
            continue
        kind = {"lost": "lost", "returned": "given back"}.get(attempt.ended_as or "", "busy")
        end = attempt.ended_at or max(worker.seen_at, attempt.started_at)
        last = joined[-1] if joined else None
        if last and last.kind == kind and attempt.started_at - last.end <= close:
            last.end = max(last.end, end)
            last.trials.append(attempt.number)
        else:
            joined.append(
                Span(kind=kind, begin=attempt.started_at, end=end, trials=[attempt.number])
            )
    return joined


def _life(worker: WorkerRecord, busy: Sequence[Span]) -> Span:
    end = max([worker.seen_at, *(span.end for span in busy)])
    return Span(kind="idle", begin=worker.started_at, end=end, trials=[])


def _label(i: int, worker: WorkerRecord) -> str:
    """Workers of one host may have had the same process id: the place tells them apart."""
    host, _, process = worker.name.rpartition(":")
    host = host if len(host) <= 16 else f"{host[:15]}…"
    return f"{i}  {host}:{process}"


def _bars(
    figure: Any,
    name: str,
    colour: str,
    rows: Iterable[str],
    stretches: Sequence[Span],
    zero: float,
    size: float,
) -> None:
    if not stretches:
        return
    figure.add_bar(
        orientation="h",
        name=name,
        y=list(rows),
        base=[(span.begin - zero) / size for span in stretches],
        x=[(span.end - span.begin) / size for span in stretches],
        marker={"color": colour, "line": {"color": "white", "width": 0.5 if name != "idle" else 0}},
        hovertext=[_told(span) for span in stretches],
        hoverinfo="text" if name != "idle" else "skip",
    )


def _told(span: Span) -> str:
    first, last = span.trials[:1], span.trials[-1:]
    trials = f"trial {first[0]}" if len(span.trials) == 1 else f"{len(span.trials)} trials"
    between = "" if len(span.trials) < 2 else f", {first[0]} to {last[0]}"
    return f"{trials}{between}: {span.kind}, {span.end - span.begin:.1f} s"


def _crosses(
    figure: Any, lost: Sequence[WorkerRecord], rows: dict[str, str], zero: float, size: float
) -> None:
    if lost:
        figure.add_scatter(
            x=[(worker.seen_at - zero) / size for worker in lost],
            y=[rows[worker.worker_id] for worker in lost],
            mode="markers",
            name="worker lost",
            marker={"color": figure_style.RED, "symbol": "x", "size": 10},
        )
