"""What a shell is offered at the TAB key."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from tests.support.sources import ROOT
from tests.support.typed import Typed
from tests.unit.cli.conftest import Launched
from tuner.cli import main
from tuner.datasets import NAMES
from tuner.search.pruners import PRUNERS
from tuner.search.samplers import SAMPLERS

LAUNCH = ("launch", "mlp", "--data", "digits")


def offered(*words: str) -> list[str]:
    """What is offered for the last of these words."""
    shell = ShellComplete(main, {}, "tuner", "_TUNER_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]


def test_studies_of_the_store(launched: Launched):
    """For commands that take one, from the store that is named."""
    assert offered("status", "") == ["mlp-digits"]
    assert offered("worker", "mlp") == ["mlp-digits"]
    assert offered("compare", "mlp-digits", "m") == ["mlp-digits"]
    assert offered("status", "rnn") == []
    assert offered("status", "--storage", "sqlite:///other.db", "") == []


@pytest.mark.parametrize(
    "storage", ["sqlite:///absent.db", "nonsense", "mysql://nobody@127.0.0.1:9/none"]
)
def test_a_store_that_is_away_offers_nothing(
    tuner: Typed, capfd: pytest.CaptureFixture[str], storage: str
):
    """Without a word, and no file is made."""
    assert offered("status", "--storage", storage, "") == []
    assert capfd.readouterr() == ("", "")
    assert list(tuner.folder.iterdir()) == []


def test_names_that_this_version_knows(tuner: Typed):
    """Families, data sets, samplers, pruners and tasks."""
    assert {"mlp", "cnn", "rnn"} <= set(offered("launch", ""))
    assert offered("spaces", "cnn") == ["cnn", "cnn1d"]
    assert set(offered("launch", "mlp", "--data", "")) == set(NAMES)
    assert set(offered(*LAUNCH, "--sampler", "")) == set(SAMPLERS)
    assert set(offered(*LAUNCH, "--pruner", "")) == set(PRUNERS)
    assert offered(*LAUNCH, "--task", "multi") == ["multiclass", "multilabel"]
    assert offered(*LAUNCH, "--direction", "m") == ["min", "max"]


def test_parameters_of_the_family(tuner: Typed):
    """Their names, then their values where these are a list."""
    assert offered(*LAUNCH, "--set", "learn") == ["learning_rate="]
    assert "activation=relu" in offered(*LAUNCH, "--set", "activation=")
    assert offered("spaces", "mlp", "--set", "batch") == ["batch_size="]
    assert offered("launch", "net.py:build", "--data", "digits", "--set", "u") == []


def test_a_shell_is_answered_without_tensorflow(launched: Launched):
    """As bash asks, in a process of its own."""
    asked = {
        "_TUNER_COMPLETE": "bash_complete",
        "COMP_WORDS": "tuner status mlp",
        "COMP_CWORD": "2",
        "PYTHONPATH": str(ROOT),
    }
    code = (
        "import sys, atexit; from tuner.cli import main;"
        "atexit.register(lambda: print('tensorflow' in sys.modules, file=sys.stderr));"
        "main(prog_name='tuner')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True
    )
    assert (answer.stdout, answer.stderr) == ("plain,mlp-digits\n", "False\n")
