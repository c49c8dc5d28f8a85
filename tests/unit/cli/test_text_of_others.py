"""What others wrote into the store, and names of studies, in what is printed."""

from __future__ import annotations

import io
import json
import shlex
import sys
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from storage import logs, studies, study_states, workers
from storage.database.engine import Store, open_store
from storage.studies import Study
from tests.support import study_history, warm
from tests.support.sources import ROOT
from tests.support.trials import WORKER, begin, complete, fail
from tests.unit.cli.conftest import Typed
from tuner import strict_json
from tuner.cli.console import SafeConsole, warn
from tuner.control_characters import SafeStderr, escape, lines
from tuner.errors import LONGEST_LINE
from tuner.monitoring import study_notes
from tuner.report.markdown import _safe
from tuner.templates.environment import environment

ATTACK = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202ered\x08\rover"
HTML = environment("tuner.report").from_string("{{ text }}")
NAME = "it's `a` $(study); of mine"
KEPT = "\t\n"


def commands_a_terminal(text: str) -> bool:
    """Whether anything but tabs and newlines is a control character, or turns text around."""
    return any(
        unicodedata.category(char) in ("Cc", "Cs")
        or unicodedata.bidirectional(char) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI")
        for char in text
        if char not in KEPT
    )


@pytest.fixture
def store(tuner: Typed) -> Iterator[Store]:
    """The store in the folder."""
    opened = open_store("sqlite:///tuner.db")
    yield opened
    opened.close()


@pytest.fixture
def study(store: Store) -> Study:
    """A study whose worker, failure, log, reason and hyperparameters are attacks."""
    made = studies.create(store, name=NAME, spec=study_history.SPEC, budget=9)
    workers.enter(store, made, worker_id=WORKER, host=f"host{ATTACK}", pid=7, device=f"cpu{ATTACK}")
    claim = begin(store, made)
    logs.append(store, claim, f"printed{ATTACK}\nand more")
    fail(store, claim, message=f"boom{ATTACK}")
    complete(store, begin(store, made, activation=f"relu{ATTACK}"), [0.5, 0.25])
    with store.write() as c:
        study_states.set_state(c, made, "stopped", f"reason{ATTACK}")
    return studies.load(store, NAME)


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("status", NAME),
        ("trials", NAME),
        ("trials", NAME, "--csv"),
        ("best", NAME),
        ("logs", NAME),
        ("logs", NAME, "0"),
        ("status", NAME, "--json"),
        ("trials", NAME, "--json"),
        ("logs", NAME, "--json"),
        ("status", f"no{ATTACK}"),
        (f"no{ATTACK}",),
        ("list", f"--no{ATTACK}"),
        ("spaces", f"no{ATTACK}.py:Net"),
    ],
    ids=lambda words: ascii(" ".join(words)),
)
def test_nothing_that_is_printed_commands_a_terminal(
    tuner: Typed, study: Study, words: tuple[str, ...]
):
    """Whoever reads of a trial that failed is not shown what its message wants to draw."""
    result = tuner(*words)
    assert result.stdout or result.stderr
    assert not commands_a_terminal(result.stdout + result.stderr)


def test_what_was_printed_is_all_there(tuner: Typed, study: Study):
    """Spelt out; JSON means the same as before."""
    text = tuner("logs", NAME).stdout
    assert "printed\\x1b]0;owned\\x07" in text
    assert "boom\\x1b]0;owned\\x07" in text
    assert "over\nand more" in text
    (failed, _) = tuner.json("trials", NAME)
    assert failed["failure"]["message"].startswith("boom\x1b]0;owned\x07")
    assert "\x9b31m\u202ered\x08\rover" in failed["failure"]["message"]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("resume", NAME), "tuner worker"),
        (("pause", NAME), "tuner resume"),
        (("extend", NAME, "--trials", "1"), "tuner worker"),
        (("status", NAME), "tuner logs"),
        (("retry", NAME), "tuner worker"),
        (("worker", NAME), "tuner resume"),
        (("trials", NAME, "--csv", "x.csv"), ""),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_suggested_command_can_be_pasted(
    tuner: Typed, study: Study, words: tuple[str, ...], command: str
):
    """A shell takes the study's name as one word, and runs nothing in it."""
    if words[0] == "pause":
        assert tuner("resume", NAME).exit_code == 0
    result = tuner(*words)
    text = " ".join((result.stdout + result.stderr).split())
    assert command in text
    if command:
        assert shlex.split(text[text.index(command) :])[2] == NAME


@given(st.text())
def test_any_text_is_harmless_and_other_text_is_left_alone(text: str):
    """By whichever way it is printed."""
    assert not commands_a_terminal(escape(text))
    assert not commands_a_terminal(lines(text))
    assert not commands_a_terminal(study_notes.safe(text))
    assert not commands_a_terminal(HTML.render(text=text))
    assert not commands_a_terminal(_safe(text))
    if not commands_a_terminal(text) and not {"\u2028", "\u2029"} & {*text}:
        assert escape(text) == text


@given(st.text())
def test_json_is_harmless_and_means_the_same(text: str):
    """Escaped as JSON escapes."""
    written = strict_json.text({text: text}, indent=None)
    assert not commands_a_terminal(written)
    assert json.loads(written) == {text: text}


@given(st.text(max_size=40))
def test_tables_and_styled_text_are_harmless(text: str):
    """However a console is given it."""
    console = SafeConsole(file=io.StringIO(), width=60, markup=False, emoji=False)
    table = Table(text)
    table.add_row(text)
    table.add_row(Text(text, style="bold", no_wrap=True))
    console.print(text, Text(text, style="red"), table)
    assert isinstance(console.file, io.StringIO)
    assert not commands_a_terminal(console.file.getvalue())


def test_lines_are_short_when_they_are_harmless(
    tuner: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    """A control character that is spelt out takes four places: it is counted so."""
    warn(["a" * 250 + "\x1b" * 40])
    refused = tuner("launch", "mlp", "--data", "a\x1b" * 100 + ".csv", "--target", "y").stderr
    for line in (capsys.readouterr().err, refused):
        assert not commands_a_terminal(line)
        assert "\\x1b" in line
        assert len(line) <= LONGEST_LINE + 1


def test_styles_stay_where_they_were():
    """The escaped text is longer than what was styled."""
    text = Text("a\x1bb", style="")
    text.stylize("bold", 2, 3)
    console = SafeConsole(file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(text)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "a\\x1b\x1b[1mb\x1b[0m\n"


def test_what_optuna_logs_in_a_dashboard_is_harmless():
    """It tells the names of studies that pages make, once each."""
    program = (
        "import optuna\n"
        "from tuner.dashboard.server import _log_safely\n"
        "_log_safely()\n"
        f"optuna.create_study(study_name={ATTACK!r})"
    )
    told = warm.run([sys.executable, "-c", program], text=True, cwd=ROOT)
    said = told.stderr
    assert told.returncode == 0, said
    assert "\\x1b]0;owned\\x07" in said
    assert said.count("owned") == 1
    assert not commands_a_terminal(said)


def test_tracebacks_of_libraries_are_harmless(capsys: pytest.CaptureFixture[str]):
    """They are written to standard error, as it is by then."""
    SafeStderr().write(f"Error: {ATTACK}\n")
    SafeStderr().flush()
    assert capsys.readouterr().err.startswith("Error: \\x1b]0;owned\\x07")
