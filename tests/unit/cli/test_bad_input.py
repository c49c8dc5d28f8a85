"""Bad input gets one clear line on standard error, exit code 2, and nothing half-made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from storage import studies
from tests.support.typed import Typed, refused
from tests.unit.cli.conftest import Launched

LAUNCH = ("launch", "mlp", "--data", "digits", "--workers", "0")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("launch", "mpl", "--data", "digits"), "'mpl'. Did you mean mlp?"),
        (("launch", "no/such.py:Net", "--data", "digits"), "such.py"),
        (("launch", "mlp"), "--data"),
        (("launch", "mlp", "--data", "digist"), "Did you mean 'digits'"),
        (("launch", "mlp", "--data", "absent.csv", "--target", "y"), "absent.csv"),
        ((*LAUNCH, "--sampler", "random2"), "Did you mean 'random'?"),
        ((*LAUNCH, "--pruner", "medium"), "Did you mean 'median'?"),
        ((*LAUNCH, "--rest", "10"), "--pruner median: name that pruner"),
        ((*LAUNCH, "--pruner", "asha-promotion", "--rest", "0"), "--rest"),
        ((*LAUNCH, "--precision", "float16"), "mixed_float16"),
        ((*LAUNCH, "--set", "unitz=32"), "unitz=32"),
        ((*LAUNCH, "--set", "units"), "'units'"),
        ((*LAUNCH, "--set", "units=32.."), "units=32.."),
        ((*LAUNCH, "--set", "units=64..32"), "lower end first"),
        ((*LAUNCH, "--set", "activation=rlu"), "Did you mean"),
        ((*LAUNCH, "--trials", "0"), "0 is not in the range x>=1"),
        ((*LAUNCH, "--trials", "9" * 20), "more than 18 digits"),
        ((*LAUNCH, "--pruner", "asha-promotion", "--rest", "9" * 20), "more than 18 digits"),
        ((*LAUNCH, "--seed", "-1"), "--seed"),
        ((*LAUNCH, "--validation", "1.5"), "1.5"),
        ((*LAUNCH, "--task", "clases"), "Did you mean 'multiclass'?"),
        ((*LAUNCH, "--study-timeout", "soon"), "'soon'"),
        ((*LAUNCH, "--trial-timeout", "0s"), "'0s'"),
        ((*LAUNCH, "--target-loss", "nan"), "'nan'"),
        ((*LAUNCH, "--study", "-x"), "'-x'"),
        ((*LAUNCH, "--study", "line\nbreak"), "can be typed"),
        ((*LAUNCH, "--study", "x" * 200), "200"),
        ((*LAUNCH, "--storage", "tuner.db"), "'tuner.db'"),
        ((*LAUNCH, "--storage", "oracle://host/x"), "'oracle'"),
        ((*LAUNCH, "--storage", "sqlite:///absent/tuner.db"), "mkdir -p"),
        ((*LAUNCH, "--artifacts", "/dev/null/models"), "--artifacts"),
        ((*LAUNCH, "--artifacts", "nosuch://bucket/models"), "nosuch://bucket"),
        (("status", "mlp-digits"), "no file"),
        (("list",), "no file"),
        (("migrate",), "no file"),
        (("upgrade",), "no file"),
        (("lunch",), "Did you mean 'launch'?"),
        (("status", "x", "--jsno"), "Did you mean '--json'?"),
        (("extend", "x", "--trials", "-5"), "'-5'"),
        (("spaces", "mpl"), "Did you mean mlp?"),
        (("datasets", "digist"), "Did you mean 'digits'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_told_on_one_line(tuner: Typed, words: tuple[str, ...], told: str):
    """It names what is wrong, and leaves the folder empty."""
    assert told in refused(tuner(*words))
    assert list(tuner.folder.iterdir()) == []


def csv(rows: str) -> bytes:
    return f"a,b,y\n{rows}".encode()


@pytest.mark.parametrize(
    ("content", "target", "told"),
    [
        (b"", "y", "house.csv"),
        (b"\x00\xff\xfe", "y", "house.csv"),
        (csv("1,2,0\n" * 50 + "2,1,1\n" * 50), "z", "'z'"),
        (csv("1,2,0\n" * 100), "y", "nothing to learn"),
        (csv("1,2,0\n" * 50 + "2,1e30,1\n" * 50), "y", "house.csv"),
        (csv("1,2,0\n2,1,1\n" * 6), "y", "smallest batch_size"),
    ],
    ids=["empty", "unreadable", "no such column", "one class", "too large", "fewer than a batch"],
)
def test_data_that_cannot_be_used(tuner: Typed, content: bytes, target: str, told: str):
    """The file is named, nothing is made."""
    path = tuner.folder / "house.csv"
    path.write_bytes(content)
    result = tuner("launch", "mlp", "--data", "house.csv", "--target", target, "--workers", "0")
    assert told in refused(result)
    assert list(tuner.folder.iterdir()) == [path]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--text", "a"), "--text to be a column of text. Received: 'a' with 1"),
        (("--text", "c"), "(a, b). Received: 'c'"),
        (("--validation-data", "absent.csv"), "absent.csv, which does not exist"),
        (("--test-data", "other.csv"), "missing: b; not known: c"),
        (("--test-data", "rows.npz"), "Expected a table"),
    ],
    ids=" ".join,
)
def test_parts_and_texts_that_cannot_be_used(tuner: Typed, words: tuple[str, ...], told: str):
    """Nothing is made."""
    paths = [tuner.folder / "house.csv", tuner.folder / "other.csv"]
    paths[0].write_bytes(csv("1,2,0\n2,1,1\n" * 50))
    paths[1].write_text("a,c,y\n" + "1,2,0\n2,1,1\n" * 50)
    launch = ("launch", "mlp", "--data", "house.csv", "--target", "y", "--workers", "0")
    assert told in refused(tuner(*launch, *words))
    assert sorted(tuner.folder.iterdir()) == paths


def test_a_parquet_file_that_is_none(tuner: Typed):
    """The same line wherever it is given."""
    path = tuner.folder / "house.parquet"
    path.write_bytes(csv("1,2,0\n2,1,1\n" * 50))
    launch = ("launch", "mlp", "--data", "house.parquet", "--target", "y", "--workers", "0")
    (tuner.folder / "model.keras").write_bytes(b"never read")
    (tuner.folder / "model.json").write_text('{"data": {"columns": ["a", "b"], "shape": [2]}}')
    for words in (launch, ("predict", "model.keras", "house.parquet")):
        assert "Expected a Parquet file. Received: " in refused(tuner(*words))


def test_a_batch_that_fits_is_named(tuner: Typed):
    """The hint can be typed."""
    x, y = np.arange(24.0).reshape(12, 2), np.array([0, 1] * 6)
    np.savez(tuner.folder / "few.npz", x=x, y=y)
    words = ("launch", "mlp", "--data", "few.npz", "--workers", "0")
    line = refused(tuner(*words))
    hint = line[line.index("--set ") :].rstrip(".").split()
    assert tuner(*words, *hint).exit_code == 0


def test_a_password_is_never_shown(tuner: Typed):
    """A server that does not answer is told without its password."""
    result = tuner(*LAUNCH, "--storage", "postgresql://me:swordfish@127.0.0.1:1/studies")
    assert "to answer" in refused(result)
    assert "swordfish" not in result.output
    assert list(tuner.folder.iterdir()) == []


def test_a_dashboard_for_others_needs_a_password(launched: Launched, tuner: Typed):
    """Nothing listens."""
    assert "password" in refused(tuner("dashboard", "--host", "0.0.0.0", "--port", "0"))


@pytest.mark.parametrize("command", ["status", "trials", "best", "worker", "pause", "stop"])
def test_an_unknown_study(launched: Launched, tuner: Typed, command: str):
    """Close names are offered."""
    assert "Did you mean mlp-digits?" in refused(tuner(command, "mlp-digit"))


def test_a_name_taken_with_another_definition(launched: Launched, tuner: Typed):
    """What differs is shown; the study stays as it was."""
    line = refused(tuner(*LAUNCH, "--seed", "3", "--set", "units=8..16", "--target-loss", "0.5"))
    for told in ("seed: 3 instead of 0", "overrides: units=8..16", "target-loss: 0.5", "--study"):
        assert told in line
    assert "fingerprint" not in line
    assert studies.load(launched.store, "mlp-digits") == launched.study


def test_another_budget_is_an_extension(launched: Launched, tuner: Typed):
    """The right command is named."""
    assert "tuner extend mlp-digits" in refused(tuner(*LAUNCH, "--trials", "9"))


def test_data_that_changed_since(tuner: Typed):
    """The same file with other rows is another definition."""
    path = tuner.folder / "data.npz"
    x, y = np.arange(400.0).reshape(200, 2), np.array([0, 1] * 100)
    np.savez(path, x=x, y=y)
    words = ("launch", "mlp", "--data", "data.npz", "--workers", "0")
    assert tuner(*words).exit_code == 0
    np.savez(path, x=x + 1, y=y)
    assert "the data were changed" in refused(tuner(*words))


def test_a_study_without_a_complete_trial_has_no_best(launched: Launched, tuner: Typed):
    """Nothing is printed that could be taken for a result."""
    assert "none yet" in refused(tuner("best", "mlp-digits", "--json"))


def test_nobody_can_confirm(launched: Launched, tuner: Typed):
    """Deleting without a terminal needs `--yes`."""
    assert "--yes" in refused(tuner("delete", "mlp-digits"))
    assert studies.find(launched.store, "mlp-digits")


def test_a_file_that_is_no_database(tuner: Typed):
    """It is left alone."""
    path = Path(tuner.folder / "notes.txt")
    path.write_text("not a database, but long enough to be read as one " * 40)
    before = path.read_bytes()
    assert "notes.txt" in refused(tuner(*LAUNCH, "--storage", f"sqlite:///{path}"))
    assert path.read_bytes() == before


def test_a_defect_of_ours_is_one_line_too(tuner: Typed, monkeypatch: pytest.MonkeyPatch):
    """It exits 1 and says how to see the traceback, which `--debug` shows."""

    def broken() -> None:
        raise KeyError("lost")

    monkeypatch.setattr("search_spaces.catalog.describe_families", broken)
    result = tuner("spaces", "--json")
    assert result.exit_code == 1
    assert "tuner --debug spaces --json" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" in tuner("spaces", "--debug").stderr


TOML = 'space = "mlp"\ndata = "digits"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (".".join("a" * 200_000) + " = 1", "dots on a line"),
        (".".join("a" * 900) + " = 1", "Received: a."),
        ("study = " + "[" * 5000 + "]" * 5000, "too many brackets"),
        ("study = " + "[" * 100 + "]" * 100, "one value for study"),
        ("study = " + "{a = " * 100 + "1" + "}" * 100, "one value for study"),
        ("[set]\nunits = " + str([*range(100_000)]), "at most 1,000 values. Received: 100,000"),
        ("[set]\nactivation = '" + "a," * 100_000 + "'", "at most 1,000 values"),
        ("[set]\nunits = " + str([*range(200_000)]), "at most 1,000,000 bytes"),
        ("[set]\n'" + "a" * 100_000 + "' = 1", "Expected a parameter of the space"),
        ("x" * 100_000 + " = 1", "name of an option"),
        ("study = '" + "x" * 100_000 + "'", "at most 100 characters"),
        ("study = 1\n" * 10_000, "expected TOML"),
    ],
    ids=["dots", "keys", "brackets", "lists", "tables", "choices", "categories", "bytes",
         "parameter", "option", "name", "twice"],
)  # fmt: skip
def test_a_study_of_any_size_is_told_on_a_short_line(tuner: Typed, text: str, told: str):
    """A study file that is too deep or too large is refused in at most 300 characters."""
    (tuner.folder / "study.toml").write_text(TOML + text)
    line = refused(tuner("launch", "study.toml", "--workers", "0"))
    assert told in line
    assert len(line) <= 300


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_files_that_are_none_are_not_opened(tuner: Typed, kind: str):
    """Whoever opens a pipe may wait for ever."""
    for name in ("a.toml", "a.py", "a.csv", "a.keras"):
        path = tuner.folder / name
        os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    (tuner.folder / "b.csv").write_text(csv("1,2,0\n3,3,1\n" * 10).decode())
    for words in (
        ("launch", "a.toml"),
        ("launch", "a.py:build", "--data", "digits"),
        (*LAUNCH, "--metric", "a.py:score"),
        ("launch", "mlp", "--data", "a.csv", "--target", "y"),
        ("launch", "mlp", "--data", "b.csv", "--target", "y", "--test-data", "a.csv"),
        ("predict", "a.keras", "a.csv"),
        ("predict", "a.keras", "a.csv", "--code", "a.py"),
        ("dashboard", "--certfile", "a.csv"),
        ("list", "--storage", "sqlite:///a.csv"),
    ):
        assert "a." in refused(tuner(*words)) or kind == "device"


@pytest.mark.parametrize(
    "words",
    [
        ("x" * 100_000,),
        ("launch", "x" * 100_000, "--data", "digits"),
        ("launch", "mlp", "--data", "x" * 100_000),
        (*LAUNCH, "--trials", "9" * 100_000),
        (*LAUNCH, "--set", "units=" + "1," * 50_000 + "1"),
        (*LAUNCH, "--set", "x" * 100_000),
        (*LAUNCH, "--objective", "x" * 100_000),
        (*LAUNCH, "--storage", "x" * 100_000),
        ("status", "x" * 100_000),
        ("spaces", "x" * 100_000),
    ],
    ids=lambda words: " ".join(word[:12] for word in words),
)
def test_no_error_is_longer_than_300_letters(tuner: Typed, words: tuple[str, ...]):
    """Whatever was typed; the middle is left out."""
    assert len(refused(tuner(*words))) <= 300


def test_memory_that_ran_out_is_no_defect(tuner: Typed, monkeypatch: pytest.MonkeyPatch):
    """A `MemoryError` is told as the user's limit, with its size and without a traceback."""

    def greedy() -> None:
        raise MemoryError("Unable to allocate 8 GiB")

    monkeypatch.setattr("search_spaces.catalog.describe_families", greedy)
    assert "8 GiB" in refused(tuner("spaces"))


@pytest.mark.parametrize("words", [("spaces",), ("--help",), ("list", "--json"), LAUNCH])
def test_whoever_reads_no_further_ends_a_command_quietly(launched: Launched, words, tmp_path: Path):
    """As other programs end that a signal tells so; shells count it as 141."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-P", "-m", "tuner", *words]
    ended = subprocess.run(command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")
