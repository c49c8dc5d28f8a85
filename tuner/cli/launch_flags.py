"""The options of ``launch`` as Click knows them, in the sections that ``--help`` shows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from tuner.cli import completion
from tuner.cli.common_options import Duration, Finite, Size, Whole, Workers
from tuner.cli.launch_options import LaunchOptions
from tuner.cli.other_words import Direction, Task, YesNo
from tuner.cli.process_list import hide_past, hide_places
from tuner.cli.sectioned_options import add_options, option, refused_option

POSITIVE = Whole(min=1)
NOT_NEGATIVE = Whole(min=0)

data_option = functools.partial(option, section="Data")
search_option = functools.partial(option, section="Search")
training_option = functools.partial(option, section="Training")
limit_option = functools.partial(option, section="Limits")
worker_option = functools.partial(option, section="Workers")
store_option = functools.partial(option, section="Store")

DATA = (
    data_option(
        "--data",
        metavar="SOURCE",
        shell_complete=completion.data_sets,
        help="Name (see: tuner datasets), a table (.csv, .tsv, .json, .parquet, ...), .npz, "
        ".tfrecord, FOLDER or .py:FUNCTION.",
    ),
    data_option(
        "--target",
        metavar="COLUMN",
        help="Column of a table to predict; of several labels or numbers: A,B,C.",
    ),
    data_option(
        "--task",
        type=Task(),
        shell_complete=completion.tasks,
        help="binary, multiclass, multilabel or regression; of several outputs NAME=TASK,...  "
        "[default: found from the data]",
    ),
    data_option(
        "--validation-share",
        metavar="SHARE",
        aliases=["--validation"],
        type=float,
        default=0.2,
        show_default=True,
        help="Share of the rows in the validation part.",
    ),
    data_option(
        "--test-share",
        metavar="SHARE",
        aliases=["--test-part"],
        type=float,
        default=0.2,
        show_default=True,
        help="Share of the rows in the test part.",
    ),
    data_option(
        "--validation-data",
        metavar="FILE",
        help="The validation part in a file of its own, of the same kind as --data.",
    ),
    data_option("--test-data", metavar="FILE", help="The test part in a file of its own."),
    data_option(
        "--stream/--no-stream",
        default=None,
        help="Read the training rows of a function anew in every epoch, or hold them.  [default: "
        "streams, and tf.data sets that do not fit into memory, are streamed]",
    ),
    data_option(
        "--folds",
        aliases=["--cv"],
        type=Whole(min=2),
        help="Number of folds of a cross-validation; trials are compared by the mean.",
    ),
    data_option(
        "--max-train-rows",
        type=POSITIVE,
        metavar="ROWS",
        help="With --folds by time, train each on so many rows before it, a window that slides.  "
        "[default: all rows before it]",
    ),
    data_option(
        "--scaling",
        metavar="NAME",
        default="standard",
        show_default=True,
        shell_complete=completion.scalings,
        help="standard, minmax or none.",
    ),
    data_option(
        "--impute",
        type=YesNo(),
        is_flag=False,
        flag_value="yes",
        default="auto",
        show_default=True,
        help="Whether values of a table may be missing: numbers become the median, with an "
        "indicator. yes, no, or auto: where some are.",
    ),
    data_option(
        "--text",
        metavar="COLUMN",
        multiple=True,
        help="A column of a table that holds text; long texts are found.",
    ),
    data_option(
        "--categories",
        metavar="COLUMN,...",
        multiple=True,
        help="Columns of a table that are categories although they look like numbers, as codes do; "
        "the target may be one.",
    ),
    data_option(
        "--drop",
        metavar="COLUMN,...",
        multiple=True,
        help="Columns of a table that are not features; none keeps all.  "
        "[default: columns without a name or that only count the rows]",
    ),
    data_option(
        "--separator",
        metavar="SIGN",
        help="What separates the values of a table: , ; | tab.  [default: found from the file]",
    ),
    data_option(
        "--decimal",
        type=click.Choice([".", ","]),
        help="What stands before the fraction of a number.  [default: found from the file]",
    ),
    data_option(
        "--encoding",
        metavar="NAME",
        help="Of a table in a text file, such as latin-1.  [default: found from the file]",
    ),
    data_option(
        "--na-values",
        metavar="TEXT,...",
        multiple=True,
        help="Texts of a table that mark a missing value, beside NA, nan and the like; none: "
        "not even those.  "
        "[default: ? and what stands among numbers, such as -]",
    ),
    data_option(
        "--date-order",
        type=click.Choice(["day-first", "month-first"]),
        help="How to read dates such as 03/04/2024.  [default: found from all dates]",
    ),
    data_option(
        "--group",
        metavar="COLUMN",
        help="Column of a table; rows with the same value stay in one part. Not a feature.",
    ),
    data_option(
        "--split-by-time",
        metavar="COLUMN",
        help="Column of a table; the latest rows become the test part. Not a feature.",
    ),
    data_option(
        "--window",
        type=POSITIVE,
        metavar="ROWS",
        help="Take a table as a time series: so many rows predict the next ones. Search it with "
        "--set window=12..72.",
    ),
    data_option(
        "--horizon",
        type=POSITIVE,
        metavar="ROWS",
        default=1,
        show_default=True,
        help="Rows after a window that are predicted.",
    ),
    data_option(
        "--columns",
        metavar="COLUMN,...",
        multiple=True,
        help="Columns of a table that are features; of a window they hold numbers.  "
        "[default: all but times and group]",
    ),
    data_option(
        "--gap",
        type=Finite(),
        metavar="STEPS",
        default=1.5,
        show_default=True,
        help="Rows of a time series that are further apart than so many usual steps are never in "
        "one window. With 4, weekends are no gaps of working days.",
    ),
    data_option("--weights", metavar="COLUMN", help="Column of a table with the sample weights."),
    data_option(
        "--class-weights",
        metavar="WEIGHTS",
        help="Weights of the classes in training: balanced, or yes=5,no=1.",
    ),
    data_option(
        "--mask-value",
        type=float,
        metavar="VALUE",
        help="Target of pixels or steps that do not count, such as padding.",
    ),
    data_option(
        "--data-seed",
        type=NOT_NEGATIVE,
        default=0,
        show_default=True,
        help="Seed of the split into parts, and of resampling.",
    ),
)
SEARCH = (
    search_option(
        "--argument",
        "arguments",
        aliases=["--arguments"],
        metavar="NAME=VALUE",
        multiple=True,
        help="An argument of a class or function that makes an objective function, or of fit() of "
        "a HyperModel.",
    ),
    search_option(
        "--set",
        "overrides",
        metavar="NAME=VALUES",
        multiple=True,
        shell_complete=completion.overrides,
        help="Narrow, list or fix a parameter: units=32..512:log, activation=relu,tanh; of the "
        "data features=all,kbest:10,pca:8, resampling=none,over,under,smote.",
    ),
    search_option(
        "--like",
        metavar="SOURCE",
        multiple=True,
        callback=hide_past,
        help="Begin with what past trials found: STUDY, kerastuner:FOLDER, optuna:URL/STUDY, none, "
        "or auto for this store's on the same space and data.  [default: auto; with --seed or "
        "--sampler none]",
    ),
    search_option(
        "--trials",
        aliases=["--n-trials"],
        type=POSITIVE,
        help="Number of trials of the study.  [default: 20]",
    ),
    search_option(
        "--sampler",
        metavar="NAME",
        shell_complete=completion.samplers,
        registry="tuner.search.samplers:SAMPLERS",
        help="{names}.  [default: auto]",
    ),
    search_option(
        "--pruner",
        metavar="NAME",
        shell_complete=completion.pruners,
        registry="tuner.search.pruners:PRUNERS",
        help="{names}, by the first objective.  [default: median; with several objectives none]",
    ),
    search_option(
        "--rest",
        type=POSITIVE,
        help="Trials that may rest with --pruner asha-promotion; the worst of more are pruned.  "
        "[default: 50]",
    ),
    search_option(
        "--objective",
        "objectives",
        metavar="NAME",
        multiple=True,
        default=["val_loss"],
        show_default=True,
        help="What trials are compared by: loss, or a metric of Keras such as accuracy. "
        "Repeated, with parameters and latency too, for a Pareto front.",
    ),
    search_option(
        "--direction",
        "directions",
        type=Direction(),
        multiple=True,
        help="Minimize or maximize each objective, in their order.  "
        "[default: known from their names]",
    ),
    search_option(
        "--seed",
        type=NOT_NEGATIVE,
        help="Seed of every random choice of the study.  [default: 0]",
    ),
)
TRAINING = (
    training_option(
        "--metric",
        "metrics",
        metavar="NAME",
        multiple=True,
        help="A further metric, by its Keras name or path/file.py:NAME.",
    ),
    training_option(
        "--callback",
        "callbacks",
        metavar="FILE.py:NAME",
        multiple=True,
        help="A Keras callback of your own.",
    ),
    training_option(
        "--repeats",
        aliases=["--executions-per-trial"],
        type=POSITIVE,
        default=1,
        show_default=True,
        help="Trainings of each trial, with other seeds; trials are compared by the mean.",
    ),
    training_option(
        "--precision",
        metavar="NAME",
        default="float32",
        show_default=True,
        shell_complete=completion.precisions,
        help="float32, mixed_float16 or mixed_bfloat16: Keras's policy for all models.",
    ),
)
LIMITS = (
    limit_option("--study-timeout", type=Duration(), help="End the study after 90s, 10m, 1h30m."),
    limit_option(
        "--study-patience",
        type=POSITIVE,
        help="End the study after so many trials without a better one.",
    ),
    limit_option(
        "--stop-when-flat",
        is_flag=True,
        help="End the study when a model of its losses says that it will hardly get better.",
    ),
    limit_option(
        "--target-loss", type=Finite(), help="End the study when a trial reaches this loss."
    ),
    limit_option("--trial-timeout", type=Duration(), help="End each trial after so long."),
    limit_option(
        "--epoch-patience",
        type=POSITIVE,
        help="Early stopping: end a trial after so many epochs without a better objective.",
    ),
    limit_option(
        "--max-parameters", type=POSITIVE, help="Refuse models with more weights before they train."
    ),
    limit_option(
        "--max-memory",
        type=Size(),
        help="Refuse models whose training needs more by estimate, such as 2GB.",
    ),
    limit_option(
        "--constraint",
        "constraints",
        metavar="EXPRESSION",
        multiple=True,
        help="What trials must satisfy, as 'parameters<=200000' or 'layers*units_0<=1024'; others "
        "are refused, and samplers learn it.",
    ),
)
threads_option = worker_option(
    "--threads", type=POSITIVE, help="CPU threads of each worker.  [default: the cores, shared]"
)
per_gpu_option = worker_option(
    "--workers-per-gpu",
    type=POSITIVE,
    default=1,
    show_default=True,
    help="Workers that may share a GPU.",
)
WORKERS = (
    worker_option(
        "--workers",
        type=Workers(least=0),
        help="Processes here; 0 only makes the study, auto measures how many pay.  "
        "[default: one a GPU, else one a core, up to 4]",
    ),
    threads_option,
    per_gpu_option,
    worker_option(
        "--lease",
        type=Duration(),
        help="How long a worker may be silent before its trial is taken over.  [default: 30s]",
    ),
    worker_option(
        "--stall-timeout",
        type=Duration(),
        default="10m",
        show_default=True,
        help="Replace a worker that makes no progress for so long.",
    ),
    worker_option(
        "--synchronous-reports", is_flag=True, help="Let each epoch wait until it is stored."
    ),
)
STORE = (
    store_option(
        "--study",
        aliases=["--study-name"],
        metavar="NAME",
        help="Name of the study.  [default: SPACE-DATA]",
    ),
    store_option(
        "--keep",
        type=POSITIVE,
        default=3,
        show_default=True,
        help="How many of the best models are kept.",
    ),
    store_option(
        "--artifacts",
        metavar="PLACE",
        callback=hide_places,
        help="Folder or URL of models and checkpoints.  "
        "[default: tuner-artifacts, beside the SQLite file or here]",
    ),
)
WORKER_HINTS = (
    refused_option("--n-jobs", "--workers {value}, the number of processes"),
    refused_option(
        "--gpus", "nothing: every GPU that CUDA_VISIBLE_DEVICES shows is used (--workers-per-gpu N)"
    ),
)
LAUNCH_HINTS = (
    *WORKER_HINTS,
    refused_option("--epochs", "--set epochs={value}"),
    refused_option("--loss", "--set loss={value}"),
    refused_option("--loss-weights", "--set loss_weights.OUTPUT={value}"),
    refused_option("--batch-size", "--set batch_size={value}"),
    refused_option("--lr", "--set learning_rate={value}"),
    refused_option("--learning-rate", "--set learning_rate={value}"),
)

add_launch_options = add_options(
    *DATA, *SEARCH, *TRAINING, *LIMITS, *WORKERS, *STORE, *LAUNCH_HINTS
)


def launch_options(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options, which come to it as one record, ``options``."""
    names = {field.name for field in fields(LaunchOptions)}

    @functools.wraps(function)
    def with_record(**values: Any) -> None:
        rest = {name: value for name, value in values.items() if name not in names}
        function(options=LaunchOptions.of(values), **rest)

    return add_launch_options(with_record)
