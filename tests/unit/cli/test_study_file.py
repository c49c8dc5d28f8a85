"""Studies in a file say what the options say."""

from __future__ import annotations

import pytest

from storage import studies
from storage.database.engine import open_store
from tests.support.typed import Typed

STUDY = """
space = "mlp"
data = "digits"
study = "filed"
trials = 7
sampler = "random"
study-timeout = "2h"
epoch_patience = 4
synchronous-reports = true

[set]
units = "16..64:log"
activation = ["relu", "gelu"]
layers = 2
nesterov = true
"""
WORDS = ("launch", "mlp", "--data", "digits", "--study", "typed", "--trials", "7", "--sampler",
         "random", "--study-timeout", "2h", "--epoch-patience", "4", "--synchronous-reports",
         "--set", "units=16..64:log", "--set", "activation=relu,gelu", "--set", "layers=2",
         "--set", "nesterov=true", "--workers", "0")  # fmt: skip


def test_a_file_is_what_is_typed(tuner: Typed):
    """The study is the same as by options."""
    (tuner.folder / "study.toml").write_text(STUDY)
    assert tuner(*WORDS).exit_code == 0
    result = tuner("launch", "study.toml", "--workers", "0")
    assert result.exit_code == 0, result.stderr
    store = open_store("sqlite:///tuner.db", create=False)
    typed, filed = (studies.load(store, name) for name in ("typed", "filed"))
    store.close()
    assert typed.spec == filed.spec
    assert (typed.budget, typed.limits) == (filed.budget, filed.limits)


def test_what_is_typed_goes_first(tuner: Typed):
    """Options replace what the file says."""
    (tuner.folder / "study.toml").write_text(STUDY)
    words = ("launch", "study.toml", "--workers", "0", "--trials", "3", "--sampler", "tpe")
    assert tuner(*words).exit_code == 0
    store = open_store("sqlite:///tuner.db", create=False)
    study = studies.load(store, "filed")
    store.close()
    assert (study.budget, study.spec["sampler"]) == (3, "tpe")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('data = "digits"', 'expected a search space, such as space = "mlp"'),
        ('space = "mlp"\ndata = "digits"\nsampeler = "tpe"', "Received: sampeler. Did you mean"),
        ('space = "mlp"\ndata = ["digits", "iris"]', "expected one value for data"),
        ('space = "mlp"\ndata = "digits"\nset = "units=3"', "expected a table [set]"),
        ('space = "mlp"\ndata = "digits"\nsynchronous-reports = "yes"', "= true or false"),
        ('space = "mlp', "expected TOML"),
        ('space = "mlp"\ndata = "digits"\ntrials = "many"', "--trials"),
        ('space = "mlp"', "--data"),
    ],
)
def test_a_file_that_says_something_else(tuner: Typed, text: str, told: str):
    """Missing or unknown keys and wrong values, on one line and with nothing made."""
    (tuner.folder / "study.toml").write_text(text)
    result = tuner("launch", "study.toml", "--workers", "0")
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tuner.folder / "tuner.db").exists()


def test_a_file_that_is_not_there(tuner: Typed):
    """It is named."""
    result = tuner("launch", "absent.toml")
    assert (result.exit_code, "absent.toml" in result.stderr) == (2, True)
