"""The live view says each thing once, fits narrow terminals, and outlives its store."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from storage import overview, studies, trials
from storage.database import schema
from storage.database.engine import Store
from storage.errors import StoreUnreachable
from storage.studies import Study
from tests.support.trials import WORKER, begin, complete, enter, fail, report
from tuner.monitoring.live_view import Monitor, View, Watch, panel


@pytest.fixture
def study(store: Store) -> Study:
    return studies.create(store, name="mlp-digits", spec={}, budget=20)


def plain() -> Console:
    return Console(file=io.StringIO(), width=80)


def lines(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_one_plain_line_for_each_trial_that_ends(store: Store, study: Study):
    """With its value, epochs and time, and the best so far; what ended before is not told."""
    complete(store, begin(store, study), [0.4])
    console = plain()
    with Monitor(store, study, console) as monitor:
        monitor.update(now=True)
        complete(store, begin(store, study), [0.5, 0.3])
        complete(store, begin(store, study), [0.6])
        monitor.update(now=True)
        monitor.update(now=True)
    assert lines(console) == [
        "trial 1 complete 0.3 (2 epochs, 1.5 s) best 0.3",
        "trial 2 complete 0.6 (1 epoch, 1.5 s) best 0.3",
    ]


def test_the_same_error_is_said_once(store: Store, study: Study):
    """Each failed trial still has its line."""
    console = plain()
    with Monitor(store, study, console) as monitor:
        for _ in range(2):
            fail(store, begin(store, study), message="ValueError: boom")
            monitor.update(now=True)
    assert [line.split(" (")[0] for line in lines(console)] == [
        "trial 0 failed",
        "  error: ValueError: boom",
        "trial 1 failed",
    ]


def test_long_lines_stay_lines_where_no_terminal_is(store: Store, study: Study):
    """A log can be searched."""
    console = plain()
    with Monitor(store, study, console) as monitor:
        fail(store, begin(store, study), message="x" * 200)
        monitor.update(now=True)
    assert "  error: " + "x" * 200 in lines(console)


def test_a_store_that_is_away_is_said_once_and_asked_again(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
):
    """What ended meanwhile is told when it is back."""
    console = plain()
    with Monitor(store, study, console) as monitor:
        with monkeypatch.context() as broken:
            broken.setattr(overview, "status", _unreachable)
            monitor.update(now=True)
            monitor.update(now=True)
        complete(store, begin(store, study), [0.5])
        monitor.update(now=True)
    told = lines(console)
    assert told[:2] == ["the store is away: no route to host", "the store is back"]
    assert told[2].startswith("trial 0 complete")


def _unreachable(*_: Any) -> Any:
    raise StoreUnreachable("no route to host")


def test_the_store_is_not_asked_more_than_once_a_second(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
):
    """However often the loop around it turns."""
    now, asked = 1000.0, 0

    def look(self: Watch) -> View:
        nonlocal asked
        asked += 1
        return self.view

    monkeypatch.setattr("tuner.monitoring.live_view.time.monotonic", lambda: now)
    with Monitor(store, study, plain()) as monitor:
        monkeypatch.setattr(Watch, "look", look)
        for _ in range(100):
            now += 0.1
            monitor.update()
    assert 9 <= asked <= 10


def test_time_left_follows_from_trials_that_ended(store: Store, study: Study):
    """Nothing is known before one has; then the trials to do are shared among live workers."""
    watch = Watch(store, study)
    enter(store, study)
    assert watch.look().seconds_left is None
    complete(store, begin(store, study), [0.5])
    with store.write() as c:
        c.execute(schema.trials.update().values(begun_at=schema.trials.c.begun_at - 7.0))
    record = trials.find(store, study, 0)
    left = watch.look().seconds_left
    assert left == pytest.approx(19 * (record.ended_at - record.begun_at))
    assert left >= 19 * 7.0
    enter(store, study, worker_id=WORKER.replace("1", "2"))
    assert watch.look().seconds_left == pytest.approx(left / 2)


def test_the_panel_fits_sixty_columns(store: Store, study: Study):
    """Study, best and workers, each readable."""
    enter(store, study)
    complete(store, begin(store, study), [0.25])
    report(store, begin(store, study), [0.9, 0.8])
    status = overview.status(store, study)
    console = Console(file=io.StringIO(), width=60)
    console.print(panel(View(status=status, seconds_left=75.0)))
    told = lines(console)
    assert max(map(len, told)) <= 60
    assert "1 of 20 trials: 1 complete" in told
    assert "best 0.25 (trial 0), about 75 s left" in told
    assert told[-1].split() == ["host:7", "1", "2", "0.8"]


def test_a_terminal_is_drawn_on(store: Store, study: Study):
    """And cleared at the end, so that what is printed after it stands alone."""
    console = Console(file=io.StringIO(), width=60, force_terminal=True)
    with Monitor(store, study, console) as monitor:
        complete(store, begin(store, study), [0.5])
        monitor.update(now=True)
    text = "\n".join(lines(console))
    assert "mlp-digits" in text
    assert "trial 0 complete 0.5" in text


def test_a_muted_monitor_is_silent(store: Store, study: Study):
    """The terminal it wrote to may be gone."""
    console = plain()
    with Monitor(store, study, console) as monitor:
        monitor.mute()
        monitor.say("anybody there?")
    assert lines(console) == []
