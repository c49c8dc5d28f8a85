"""The options of ``launch`` that say what a study is, and the request they make."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import Command, Duration, Finite, Size

if TYPE_CHECKING:
    from tuner.launching import Request

POSITIVE = click.IntRange(min=1)
NOT_NEGATIVE = click.IntRange(min=0)

DATA = (
    click.option(
        "--data",
        required=True,
        help="Name (see: tuner datasets), .csv, .parquet, .npz, .tfrecord, FOLDER or .py:FUNCTION.",
    ),
    click.option(
        "--target",
        metavar="COLUMN",
        help="The column of a table that is predicted; of several labels or numbers: A,B,C.",
    ),
    click.option(
        "--task",
        help="binary, classes, labels or regression; of several outputs NAME=TASK,...  "
        "[default: found from the data]",
    ),
    click.option(
        "--validation", type=float, default=0.2, show_default=True, help="Its share of the rows."
    ),
    click.option(
        "--test-part", type=float, default=0.2, show_default=True, help="Its share of the rows."
    ),
    click.option(
        "--validation-data",
        metavar="FILE",
        help="The validation part in a file of its own, which is as --data is.",
    ),
    click.option("--test-data", metavar="FILE", help="The same for the test part."),
    click.option(
        "--folds",
        type=click.IntRange(min=2),
        help="Cross-validate: so many parts validate one after another, and the mean counts.",
    ),
    click.option(
        "--scaling", default="standard", show_default=True, help="standard, minmax or none."
    ),
    click.option(
        "--impute",
        is_flag=True,
        help="Let values of a table be missing: numbers count as the median, and are marked.",
    ),
    click.option(
        "--text",
        metavar="COLUMN",
        multiple=True,
        help="A column of a table that is text, whose words count; long texts are found.",
    ),
    click.option(
        "--group",
        metavar="COLUMN",
        help="The column of a table whose equal values come into one part; no feature.",
    ),
    click.option(
        "--split-by-time",
        metavar="COLUMN",
        help="The column of a table by which the latest rows test; no feature.",
    ),
    click.option(
        "--weights", metavar="COLUMN", help="The column of a table that says how much rows count."
    ),
    click.option(
        "--class-weights",
        metavar="WEIGHTS",
        help="How much rows of a class count in training: balanced, or yes=5,no=1.",
    ),
    click.option(
        "--data-seed",
        type=NOT_NEGATIVE,
        default=0,
        show_default=True,
        help="Decides which row goes to which part.",
    ),
)
SEARCH = (
    click.option(
        "--set",
        "overrides",
        metavar="NAME=VALUES",
        multiple=True,
        help="Narrow, list or fix a parameter: units=32..512:log, activation=relu,tanh.",
    ),
    click.option("--study", "name", metavar="NAME", help="Its name.  [default: SPACE-DATA]"),
    click.option("--trials", type=POSITIVE, help="How many.  [default: 20]"),
    click.option(
        "--sampler",
        default="tpe",
        show_default=True,
        help="tpe, random, cmaes, nsga2, qmc or grid.",
    ),
    click.option(
        "--pruner",
        help="median, asha, hyperband or none, by the first objective.  "
        "[default: median; with several objectives none]",
    ),
    click.option(
        "--objective",
        "objectives",
        metavar="NAME",
        multiple=True,
        default=["val_loss"],
        show_default=True,
        help="What trials are compared by: loss, or a metric of Keras such as accuracy. "
        "Repeated, with parameters and latency too, for a Pareto front.",
    ),
    click.option(
        "--direction",
        "directions",
        type=click.Choice(["min", "max"]),
        multiple=True,
        help="Which way each objective is better, in their order.  "
        "[default: known from their names]",
    ),
    click.option(
        "--metric",
        "metrics",
        metavar="NAME",
        multiple=True,
        help="What is measured too, by its Keras name or path/file.py:NAME.",
    ),
    click.option(
        "--callback",
        "callbacks",
        metavar="FILE.py:NAME",
        multiple=True,
        help="A Keras callback of your own, told of every epoch.",
    ),
    click.option(
        "--repeats",
        type=POSITIVE,
        default=1,
        show_default=True,
        help="Train each trial so many times with other seeds; the mean counts.",
    ),
    click.option(
        "--seed",
        type=NOT_NEGATIVE,
        default=0,
        show_default=True,
        help="Every random choice of the study follows from it.",
    ),
)
COMPUTING = (
    click.option(
        "--precision",
        default="float32",
        show_default=True,
        help="float32, mixed_float16 or mixed_bfloat16: Keras's policy for all models.",
    ),
)
LIMITS = (
    click.option(
        "--study-timeout", "timeout", type=Duration(), help="End the study after 90s, 10m, 1h30m."
    ),
    click.option(
        "--study-patience",
        "patience",
        type=POSITIVE,
        help="End the study after so many trials without a better one.",
    ),
    click.option(
        "--target-loss", "goal", type=Finite(), help="End the study once a trial is as good."
    ),
    click.option("--trial-timeout", type=Duration(), help="End each trial after so long."),
    click.option(
        "--epoch-patience",
        type=POSITIVE,
        help="End a trial after so many epochs without a better objective.",
    ),
)
REFUSING = (
    click.option(
        "--max-parameters", type=POSITIVE, help="Refuse models with more weights before they train."
    ),
    click.option(
        "--max-memory",
        type=Size(),
        help="Refuse models whose training needs more by estimate, such as 2GB.",
    ),
    click.option(
        "--stall-timeout",
        type=Duration(),
        default="10m",
        show_default=True,
        help="Replace a worker that makes no progress for so long.",
    ),
)
KEEPING = (
    click.option(
        "--lease",
        type=Duration(),
        help="How long a worker may be silent before its trial is taken over.  [default: 30s]",
    ),
    click.option(
        "--keep",
        type=POSITIVE,
        default=3,
        show_default=True,
        help="How many of the best models are kept.",
    ),
    click.option(
        "--artifacts",
        metavar="PLACE",
        help="Folder or URL of models and checkpoints.  "
        "[default: tuner-artifacts, beside the SQLite file or here]",
    ),
    click.option(
        "--synchronous-reports", is_flag=True, help="Let each epoch wait until it is stored."
    ),
)


def request_options(command: Command) -> Command:
    """Adds the options to a command, in the order in which they stand above."""
    option: Callable[[Command], Command]
    for option in reversed((*DATA, *SEARCH, *COMPUTING, *LIMITS, *REFUSING, *KEEPING)):
        command = option(command)
    return command


def make_request(typed: dict[str, Any]) -> Request:
    """Returns what was typed as a request.

    Raises:
        UserError: A value makes no sense by itself.
    """
    from search_spaces import sources
    from tuner.datasets import DataSpec
    from tuner.goal import goals
    from tuner.launching import Request
    from tuner.pruners import PRUNERS
    from tuner.samplers import SAMPLERS
    from tuner.study import PRECISIONS

    objectives = typed.pop("objectives")
    own = [name for name in objectives if sources.file_of(name) is not None]
    typed["metrics"] = (*own, *typed["metrics"])
    goal, *further = goals(list(map(sources.short, objectives)), typed.pop("directions"))
    typed["pruner"] = typed["pruner"] or ("none" if further else "median")
    check_name("--sampler", typed["sampler"], SAMPLERS)
    check_name("--pruner", typed["pruner"], PRUNERS)
    check_name("--precision", typed["precision"], PRECISIONS)
    typed["precision"] = PRECISIONS[typed["precision"]]
    data = DataSpec(
        source=typed.pop("data"),
        target=typed.pop("target"),
        task=typed.pop("task"),
        validation=typed.pop("validation"),
        test=typed.pop("test_part"),
        scaling=typed.pop("scaling"),
        folds=typed.pop("folds") or 1,
        impute=typed.pop("impute"),
        text=tuple(typed.pop("text")),
        validation_data=typed.pop("validation_data"),
        test_data=typed.pop("test_data"),
        group=typed.pop("group"),
        split_by_time=typed.pop("split_by_time"),
        weights=typed.pop("weights"),
        class_weights=typed.pop("class_weights"),
        seed=typed.pop("data_seed"),
    )
    target = typed.pop("goal")
    return Request(data=data, target=target, goal=goal, further=tuple(further), **typed)


def check_name(option: str, name: str, known: Collection[str]) -> None:
    """Refuses a name that is not among those known.

    Raises:
        UserError: It is not; close ones are shown.
    """
    from tuner.errors import UserError, did_you_mean

    if name not in known:
        raise UserError(
            f"Expected {option} to be one of {', '.join(known)}. Received: {name!r}."
            f"{did_you_mean(name, known)}"
        )
