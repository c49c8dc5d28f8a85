"""HTML of the pages below ``/tuner``: made on the server, without scripts."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tuner import words
from tuner.goal import goal_of, goals_of
from tuner.usage import told

if TYPE_CHECKING:
    from storage.artifacts import Usage
    from storage.captions import Caption
    from storage.overview import Counts, Status
    from storage.studies import Study
    from storage.workers import WorkerRecord

STYLE = """
:root { color-scheme: light dark; --paper: #f4f6f9; --card: #fff; --ink: #1c2733;
  --faint: #5b6b7c; --line: #c8d1db; --accent: #0c6198; --accent-ink: #fff; --alarm: #b3261e;
  --good: #1b7f4b; --pruned: #b9791a; }
@media (prefers-color-scheme: dark) { :root { --paper: #12181f; --card: #1b242e; --ink: #e6ecf2;
  --faint: #9fb0c0; --line: #3a4856; --accent: #5db3e6; --accent-ink: #0b1620;
  --alarm: #ff8a80; --good: #5fd39a; --pruned: #e5b567; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 60rem; margin: 0 auto; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-bottom: 1rem; }
a { color: var(--accent); }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { margin: 0 0 .5rem; font-size: 1.1rem; overflow-wrap: anywhere; }
section { margin: 1rem 0; padding: 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; overflow-wrap: anywhere; }
p { margin: .25rem 0; }
.faint { color: var(--faint); }
.state { display: inline-block; padding: 0 .6rem; border: 1px solid; border-radius: 1rem;
  font-size: .9rem; font-weight: 600; }
.running { color: var(--good); } .paused { color: var(--pruned); }
.stopped, .lost { color: var(--alarm); } .finished { color: var(--accent); }
.bar { display: flex; height: .7rem; margin: .5rem 0; border-radius: .35rem; overflow: hidden;
  background: var(--line); }
.bar svg { width: 100%; height: 100%; }
.complete { fill: var(--good); } .pruned { fill: var(--pruned); } .failed { fill: var(--alarm); }
.atwork { fill: var(--accent); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .95rem; }
th, td { padding: .3rem .6rem .3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: normal; }
th { color: var(--faint); font-weight: 600; white-space: nowrap; }
td { white-space: nowrap; }
td.wide { min-width: 14rem; white-space: normal; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  table, tbody, tr, td { display: block; }
  tr.heads { display: none; }
  tr { padding: .4rem 0; border-bottom: 1px solid var(--line); }
  td, td.wide { min-width: 0; padding: .05rem 0; border: 0; white-space: normal;
    overflow-wrap: anywhere; }
  td::before { content: attr(data-name) " "; color: var(--faint); } }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; }
form { display: flex; gap: .4rem; margin: 0; }
input, button { padding: .5rem .9rem; border-radius: .45rem; font: inherit; }
input { width: 6rem; border: 1px solid var(--line); background: var(--paper); color: var(--ink); }
button { border: 0; background: var(--accent); color: var(--accent-ink); font-weight: 600;
  cursor: pointer; }
button:hover { filter: brightness(1.1); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[role=alert] { border-color: var(--alarm); color: var(--alarm); }
code { font-size: .9em; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'"

WORKERS = 100  # that are listed
MEMBERS = 50  # trials of a Pareto front that are listed
BUTTONS = {  # by the state of a study
    "running": ("pause", "stop"),
    "paused": ("resume", "stop"),
    "stopped": ("resume",),
    "finished": (),
}
_e = html.escape


def studies(statuses: Sequence[Status]) -> str:
    """All studies, with how far each of them is."""
    parts = [_listed(status) for status in statuses] or [
        "<section><p>No study yet: make one with <code>tuner launch</code>.</p></section>"
    ]
    return _page("Studies", "<h1>Studies</h1>" + "".join(parts))


def study(
    status: Status,
    failures: Sequence[Caption],
    usage: Mapping[str, Usage] | None,
    *,
    problem: str = "",
    read_only: bool = False,
) -> str:
    """One study.

    Args:
        failures: Its last failures, the newest first.
        usage: Its files by kind; None where they cannot be seen.
        problem: Why what was asked for was not done.
        read_only: Shows no buttons.
    """
    found = status.study
    parts = [
        f"<h1>{_e(found.name)}</h1>",
        f'<section role="alert"><p>{_e(problem)}</p></section>' if problem else "",
        _progress(status, "" if read_only else _actions(found)),
        _front(status),
        _best(status),
        _workers(status.workers),
        _failures(status, failures),
        _definition(found, usage),
    ]
    return _page(found.name, "".join(parts), study=found)


def _listed(status: Status) -> str:
    found = status.study
    alive = sum(worker.state == "alive" for worker in status.workers)
    best = "" if status.best is None else f" · best {words.number(status.best.value)}"
    return (
        f'<section><h2><a href="/tuner/studies/{found.study_id}">{_e(found.name)}</a></h2>'
        f"<p>{_state(found)} {_workers_alive(alive)}{best}</p>{_bar(status.trials)}"
        f'<p class="faint">{_e(words.progress(status.trials, found.budget))}</p></section>'
    )


def _state(found: Study) -> str:
    reason = f' <span class="faint">{_e(found.reason)}</span>' if found.reason else ""
    return f'<span class="state {_e(found.state)}">{_e(found.state)}</span>{reason}'


def _workers_alive(count: int) -> str:
    return f"{count} worker{'' if count == 1 else 's'} alive"


def _bar(counts: Counts) -> str:
    """Trials by state; an SVG, because styles of single elements are not allowed here."""
    parts = {
        "complete": counts.complete,
        "pruned": counts.pruned,
        "failed": counts.failed,
        "atwork": counts.running,
    }
    whole = max(1, sum(parts.values()) + counts.waiting + counts.unstarted)
    drawn, x = [], 0
    for kind, count in parts.items():
        drawn.append(f'<rect class="{kind}" x="{x}" y="0" width="{count}" height="1"/>')
        x += count
    return (
        f'<div class="bar" aria-hidden="true"><svg viewBox="0 0 {whole} 1" '
        f'preserveAspectRatio="none">{"".join(drawn)}</svg></div>'
    )


def _progress(status: Status, actions: str) -> str:
    found, counts = status.study, status.trials
    rest = {"running": counts.running, "waiting": counts.waiting, "unstarted": counts.unstarted}
    others = ", ".join(f"{count} {kind}" for kind, count in rest.items() if count)
    return (
        f"<section><p>{_state(found)}</p>{_bar(counts)}"
        f"<p>{_e(words.progress(counts, found.budget))}{'; ' if others else ''}{others}.</p>"
        f"<p>{_limits(found)}</p>{actions}</section>"
    )


def _limits(found: Study) -> str:
    limits = [f"Budget: {found.budget} trials"]
    if found.limits.target is not None:
        limits.append(f"until a loss of {words.number(found.limits.target)}")
    if found.limits.patience is not None:
        limits.append(f"until {found.limits.patience} trials without a better one")
    if found.deadline is not None and found.state == "running":
        limits.append(f"until {words.moment(found.deadline)}")
    return _e(", or ".join(limits) + ".")


def _actions(found: Study) -> str:
    base = f"/tuner/studies/{found.study_id}"
    forms = [
        f'<form method="post" action="{base}/{name}"><button>{name.capitalize()}</button></form>'
        for name in BUTTONS.get(found.state, ())
    ]
    forms.append(
        f'<form method="post" action="{base}/extend"><input name="trials" type="number" min="1" '
        'value="10" required aria-label="More trials"><button>Add trials</button></form>'
    )
    return f'<div class="actions">{"".join(forms)}</div>'


def _front(status: Status) -> str:
    """With several objectives, the trials that no other one dominates."""
    if not status.front:
        return ""
    goals = goals_of(status.study)
    rows = [
        (
            _trial(status.study, trial.number),
            *map(_e, words.values(trial, goals)),
            f"<code>{_e(words.settings(trial.hyperparameters))}</code>",
        )
        for trial in status.front[:MEMBERS]
    ]
    titles = ("trial", *(_e(goal.text) for goal in goals), "hyperparameters")
    table = _table(titles, rows, wide=len(goals) + 1)
    more = len(status.front) - MEMBERS
    others = f"<p>{more} more</p>" if more > 0 else ""
    count = words.count(len(status.front))
    return f"<section><h2>Pareto front: {count}</h2>{table}{others}</section>"


def _best(status: Status) -> str:
    best = status.best
    if best is None:
        return "<section><h2>Best</h2><p>No trial is complete yet.</p></section>"
    measured = "".join(
        f"<p>{part}: {_e(text)}</p>"
        for part, prefix in (("Validation", words.VALIDATION), ("Test", words.TEST))
        if (text := words.measures(best.metrics, prefix))
    )
    link, objective = _trial(status.study, best.number), _e(goal_of(status.study).text)
    return (
        f"<section><h2>Best: {link}, {objective} {words.number(best.value)} "
        f"{words.place(status.study, best)}</h2>{measured}"
        f"<p><code>{_e(words.settings(best.hyperparameters))}</code></p></section>"
    )


def _trial(found: Study, number: int) -> str:
    return (
        f'<a href="/dashboard/studies/{found.study_id}/trials?numbers={number}">trial {number}</a>'
    )


def _workers(workers: Sequence[WorkerRecord]) -> str:
    alive = [worker for worker in workers if worker.state == "alive"]
    others = sorted(
        (worker for worker in workers if worker.state != "alive"),
        key=lambda worker: -worker.seen_at,
    )
    shown = [*alive, *others][:WORKERS]
    rows = [
        (
            _e(worker.name),
            f'<span class="{_e(worker.state)}">{_e(worker.state)}</span>',
            _e(worker.device),
            "-" if worker.trial is None else f"trial {worker.trial}, epoch {worker.epoch}",
            "-" if worker.busy is None else f"{worker.busy:.0%}",
            words.moment(worker.seen_at),
        )
        for worker in shown
    ]
    body = _table(("worker", "state", "on", "has", "busy", "last seen"), rows)
    more = f"<p>{len(workers) - len(shown)} more</p>" if len(workers) > len(shown) else ""
    title = f"Workers: {len(alive)} alive"
    return f"<section><h2>{title}</h2>{body if rows else '<p>None yet.</p>'}{more}</section>"


def _failures(status: Status, failures: Sequence[Caption]) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in status.failures.items())
    rows = [
        (
            _trial(status.study, caption.number),
            _e(caption.failure.kind),
            _e(caption.failure.message),
            _e(caption.worker or "-"),
        )
        for caption in failures
        if caption.failure is not None
    ]
    if not rows:
        return "<section><h2>Failures: none</h2></section>"
    table = _table(("trial", "kind", "reason", "worker"), rows, wide=2)
    command = _e(f"tuner logs {status.study.name} N")
    return (
        f"<section><h2>Failures: {_e(kinds or 'none')}</h2>{table}"
        f'<p class="faint">The newest first. What a worker printed: <code>{command}</code></p>'
        "</section>"
    )


def _definition(found: Study, usage: Mapping[str, Usage] | None) -> str:
    searched = " ".join([found.spec["space"], *found.spec.get("overrides", ())])
    return (
        f"<section><h2>Definition and files</h2><p><b>Searched</b>: {_e(searched)} on "
        f"{_e(str(found.spec['data']['source']))}</p>"
        f"<p><b>Made</b>: {words.moment(found.created_at)}</p>"
        f"<p><b>Disk</b>: {_e(told(usage))}</p>"
        f"<p><b>Models kept</b>: of the {found.spec['keep']} best trials, in "
        f"{_e(found.spec['artifacts'])}</p></section>"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, wide: int = -1) -> str:
    """Cells are HTML already. In a narrow window each stands on a line with its name."""
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f"<tr>{_cells(heads, row, wide)}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr class="heads">{head}</tr>{body}</table></div>'


def _cells(heads: Sequence[str], row: Sequence[str], wide: int) -> str:
    classes = {wide: ' class="wide"'}
    return "".join(
        f'<td{classes.get(column, "")} data-name="{name}">{cell}</td>'
        for column, (name, cell) in enumerate(zip(heads, row, strict=True))
    )


def _page(title: str, body: str, study: Study | None = None) -> str:
    links = ['<a href="/tuner">Studies</a>', '<a href="/dashboard">Optuna dashboard</a>']
    if study is not None:
        base = f"/dashboard/studies/{study.study_id}"
        links[1:] = [
            f'<a href="{base}">Curves and trials</a>',
            f'<a href="/tuner/studies/{study.study_id}">Refresh</a>',
        ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_e(title)} · Tuner</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<nav>{"".join(links)}</nav>
{body}
</main>
</body>
</html>
"""
