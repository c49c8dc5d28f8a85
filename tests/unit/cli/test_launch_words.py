"""Words of other tuners and of earlier versions are understood, or answered with the right one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
import pytest

import tuner as api
from tests.support.typed import Typed, refused
from tuner.api.cli_options import typed_options
from tuner.cli import main
from tuner.cli.launch_options import LaunchOptions
from tuner.cli.sectioned_options import SECTIONS, SectionedOption

OTHERS = {"storage", "dry_run", "as_json", "help"}  # which say nothing of the study


def record(*words: str) -> LaunchOptions:
    """What `tuner launch mlp --data digits` makes of further words."""
    context = main.commands["launch"].make_context("launch", ["mlp", "--data", "digits", *words])
    return LaunchOptions.of(context.params)


def test_the_record_has_a_field_for_each_option():
    """None is forgotten between Click and the study, and none is there that nobody can type."""
    context = click.Context(main.commands["launch"])
    typed = {p.name for p in main.commands["launch"].get_params(context) if p.expose_value}
    assert {field.name for field in dataclasses.fields(LaunchOptions)} == typed - OTHERS


def test_every_value_of_the_record_reaches_the_request():
    """What is typed is what the study is made of."""
    request = record(
        "--trials", "7", "--set", "units=8", "--study", "mine", "--repeats", "2", "--keep", "4",
        "--study-timeout", "1m", "--study-patience", "5", "--target-loss", "0.5", "--lease", "9s",
        "--max-memory", "2GB", "--validation-share", "0.3", "--test-share", "0.1", "--folds", "3",
        "--drop", "none", "--data-seed", "6", "--window", "24", "--columns", "a, b",
        "--horizon", "3", "--gap", "4", "--objective", "loss", "--objective", "parameters",
    ).request()  # fmt: skip
    assert (request.trials, request.overrides, request.study) == (7, ("units=8",), "mine")
    assert (request.repeats, request.keep, request.lease) == (2, 4, 9.0)
    assert (request.timeout, request.patience, request.target) == (60.0, 5, 0.5)
    assert (request.max_memory, request.pruner) == (2_000_000_000, "none")
    assert [objective.name for objective in request.further] == ["parameters"]
    data = request.data
    assert (data.validation, data.test, data.folds, data.seed) == (0.3, 0.1, 3, 6)
    assert (data.drop, data.drop_index) == ((), False)
    assert (data.window, data.horizon, data.columns, data.gap) == (24, 3, ("a", "b"), 4)


@pytest.mark.parametrize(
    ("other", "ours"),
    [
        (("--n-trials", "7"), ("--trials", "7")),
        (("--study-name", "mine"), ("--study", "mine")),
        (("--executions-per-trial", "3"), ("--repeats", "3")),
        (("--cv", "5"), ("--folds", "5")),
        (("--validation", "0.3"), ("--validation-share", "0.3")),
        (("--test-part", "0.1"), ("--test-share", "0.1")),
        (("--pruner", "successive-halving"), ("--pruner", "asha")),
        (("--pruner", "halving"), ("--pruner", "asha")),
        (
            ("--objective", "loss", "--direction", "minimize"),
            ("--objective", "loss", "--direction", "min"),
        ),
        (
            ("--objective", "accuracy", "--direction", "maximize"),
            ("--objective", "accuracy", "--direction", "max"),
        ),
        (("--task", "multiclass"), ("--task", "classes")),
        (("--task", "multilabel"), ("--task", "labels")),
        (("--task", "a=multiclass, b=regression"), ("--task", "a=classes,b=regression")),
    ],
    ids=lambda words: " ".join(words),
)
def test_other_words_are_understood(other: tuple[str, ...], ours: tuple[str, ...]):
    """They ask for the same study, typed and in Python."""
    assert record(*other).request() == record(*ours).request()
    options = {
        name.removeprefix("--").replace("-", "_"): value
        for name, value in zip(other[::2], other[1::2], strict=True)
    }
    assert typed_options("mlp", {"data": "digits", **options}).request() == record(*ours).request()


def test_the_store_keeps_its_words():
    """Studies of all versions tell their task and direction alike."""
    request = record("--task", "multiclass").request()
    assert request.data.task == "classes"
    assert record("--objective", "accuracy", "--direction", "maximize").request().objective.maximize


def test_study_files_take_all_words(tuner: Typed):
    """The old ones, the new ones, and those of other tuners; but none under two names."""
    lines = 'space = "mlp"\ndata = "digits"\n'
    file = tuner.folder / "study.toml"
    for words in (
        "n-trials = 7\nstudy_name = 'a'\nvalidation = 0.3\ntask = 'multiclass'\n",
        "trials = 7\nstudy = 'a'\nvalidation-share = 0.3\ntask = 'classes'\n",
    ):
        file.write_text(lines + words)
        context = main.commands["launch"].make_context("launch", [str(file)])
        request = LaunchOptions.of(context.params).request()
        assert (request.trials, request.name, request.data.validation) == (7, "a", 0.3)
        assert request.data.task == "classes"
    file.write_text(f"{lines}trials = 7\nn-trials = 8\n")
    assert "n-trials under two names" in refused(tuner("launch", "study.toml"))
    file.write_text(f"{lines}epochs = 7\n")
    assert "--set epochs=7" in refused(tuner("launch", "study.toml"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--n-jobs", "4"), "Expected --workers 4"),
        (("--epochs", "10"), "Expected --set epochs=10. Received: --epochs 10."),
        (("--epochs=10",), "Expected --set epochs=10. Received: --epochs 10."),
        (("--batch-size", "32"), "Expected --set batch_size=32."),
        (("--lr", "0.001"), "Expected --set learning_rate=0.001."),
        (("--gpus", "2"), "CUDA_VISIBLE_DEVICES"),
        (("--gpus",), "CUDA_VISIBLE_DEVICES"),
        (("--set", "lr=0.1"), "Did you mean learning_rate?"),
        (("--set", "n_layers=2"), "Did you mean layers?"),
        (("--sampler", "bayesian"), "Did you mean 'gp'?"),
        (("--task", "multiclas"), "Did you mean 'multiclass'"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_words_that_stand_elsewhere_are_answered(tuner: Typed, words: tuple[str, ...], told: str):
    """On one line that can be copied, with nothing made."""
    line = refused(tuner("launch", "mlp", "--data", "digits", "--workers", "0", *words))
    assert told in line
    assert len(line) <= 300
    assert list(tuner.folder.iterdir()) == []


def test_the_python_api_answers_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As errors of its own kind."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(api.errors.UserError, match="--set epochs=10"):
        api.launch("mlp", data="iris", workers=0, quiet=True, epochs=10)


def test_workers_are_asked_for_by_workers(tuner: Typed):
    """Where a study is joined, too."""
    assert "--workers 4" in refused(tuner("worker", "mlp-digits", "--n-jobs", "4"))


def test_upgrade_is_migrate(tuner: Typed):
    """The old name does the same and is shown nowhere."""
    assert tuner("launch", "mlp", "--data", "digits", "--workers", "0").exit_code == 0
    assert tuner.json("upgrade") == tuner.json("migrate")
    assert "upgrade" not in tuner("--help").stdout


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("command", ["launch", "worker"])
def test_help_is_in_sections(monkeypatch: pytest.MonkeyPatch, command: str, columns: int):
    """Each option once, below the heading of its section, within the width of the terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))
    group = click.Context(main, **main.context_settings)
    context = click.Context(main.commands[command], group, info_name=command)
    lines = context.get_help().splitlines()
    heads = [line.removesuffix(":") for line in lines if line.removesuffix(":") in SECTIONS]
    shown = SECTIONS if command == "launch" else ("Workers", "Store", "Other")
    assert tuple(heads) == shown
    told = lines[: lines.index("  Examples:")]  # which are shown as they are typed
    assert max(map(len, told)) <= columns
    if command == "launch":
        assert (max(map(len, told)) > 80) == (columns == 120)
    options = [line.split()[0] for line in told if line.startswith("  --")]
    parameters = main.commands[command].get_params(context)
    known = [p for p in parameters if isinstance(p, SectionedOption)]
    options = [name for name in options if name != "--help"]  # which Click makes
    assert sorted(options) == sorted(option.opts[0] for option in known)
    hidden = [alias for option in known for alias in option.aliases]
    assert not [line for line in told for alias in hidden if f"{alias} " in line]
