"""From Python values to a study in the store, and workers at it."""

from __future__ import annotations

import os
import warnings
from typing import Any, Literal

from tuner.api.cli_options import typed_options
from tuner.api.study import Study
from tuner.cli.default_store import DEFAULT_STORE
from tuner.workers.exit_codes import URL_VARIABLE

PARTS = ("validation_data", "test_data")  # options that may be data frames, too


def launch(
    space: str,
    data: Any = None,
    *,
    trials: int | None = None,
    workers: int | Literal["auto"] | None = None,
    storage: str | None = None,
    quiet: bool = False,
    **options: Any,
) -> Study:
    """Makes a study, or goes on with one, and works on it until it is over.

    Workers are processes of their own: a script needs no ``__main__`` guard. Interrupted, they
    give their trials back, and the same call goes on.

    Args:
        space: As on the command line: ``"mlp"``, ``"package.module:Class"``, ``"net.py:build"``.
        data: A source as on the command line (``"digits"``, ``"house.csv"``); None for an objective
            function that takes none; or arrays:
            ``(x, y)``, ``((x_train, y_train), (x_test, y_test))``, or a mapping of such names.
            Rows with several inputs are a dict of arrays as ``x``, targets of several outputs one
            as ``y``; several labels or numbers are a ``y`` of shape (rows, units), or a data frame,
            whose columns name them. Arrays are written once into the folder of models, under
            their hash. A data frame of pandas or polars with ``target=`` is taken as its
            ``.csv`` file would be, but columns of text that look like numbers stay text.
        trials: How many; 20 unless the study has a number.
        workers: Processes; 0 only makes the study, ``"auto"`` measures how many pay. By default
            one a GPU, else one a core, up to 4.
        storage: Address of the store; by default ``TUNER_STORAGE``, else ``tuner.db`` here.
        quiet: Print nothing.
        options: The other options of ``tuner launch``, with underscores. ``set`` takes a mapping,
            and options that may be repeated take lists.

    Returns:
        The study, as it is when the call returns.

    Raises:
        UserError: Something that was asked for cannot be used; or no worker could go on.
        SpaceError: The space cannot be used.
        StoreError: The store cannot be used.
        KeyboardInterrupt: Somebody asked to stop; trials at hand were given back.

    Examples:
        >>> study = tuner.launch("mlp", data=(x, y), trials=50, workers=2)
        >>> study = tuner.launch(
        ...     "mlp", data="house.csv", target="price", study="prices",
        ...     set={"units": "64..512:log", "activation": ["relu", "gelu"]},
        ...     metric=["mean_absolute_error"], study_timeout="10m", workers=2,
        ... )
    """
    from tuner.cli.run_workers import run_workers
    from tuner.datasets import array_store
    from tuner.study_setup.create_study import check_launch
    from tuner.study_setup.create_study import create_study as find_or_make

    url = storage or os.environ.get(URL_VARIABLE) or DEFAULT_STORE
    base = _base(options.get("artifacts"), url)
    tables = {"data": data, **{name: options.get(name) for name in PARTS}}
    tables = _with_files(tables, options, base)
    data = tables.pop("data")
    options |= {name: one for name, one in tables.items() if one is not None}
    if data is not None and not isinstance(data, str):
        data = str(array_store.write(data, base))
    asked = {"data": data, "trials": trials, "workers": workers, **options}
    launch_options = typed_options(space, asked)
    worker_plan, request = launch_options.worker_plan(), launch_options.request()
    draft = check_launch(url, request)
    store, study, how = find_or_make(url, request, draft)
    try:
        for note in draft.notes:
            warnings.warn(note, stacklevel=2)
        if draft.outline:
            _console(quiet=quiet).print(f"Data: {draft.outline}.", soft_wrap=True)
        if draft.past is not None and how == "launched":
            said = draft.past.line(draft.budget)
            _console(quiet=quiet).print(said, soft_wrap=True, markup=False)
        if worker_plan.count != 0 and study.state != "finished":
            _, code = run_workers(store, study, worker_plan, _console(quiet=quiet))
            if code:
                raise KeyboardInterrupt
    finally:
        store.close()
    return Study(study.name, storage=url)


def load(name: str, *, storage: str | None = None) -> Study:
    """Finds a study that was launched before, from wherever.

    Args:
        storage: Address of the store; by default ``TUNER_STORAGE``, else ``tuner.db`` here.

    Raises:
        StoreError: There is no such store or study.

    Examples:
        >>> tuner.load("mlp-digits").best.value
    """
    study = Study(name, storage=storage or os.environ.get(URL_VARIABLE) or DEFAULT_STORE)
    study.status()
    return study


def _base(artifacts: str | None, storage: str) -> str:
    """The folder of models, where data that are in memory are written to."""
    from tuner.study_setup.artifacts_folder import default_folder

    folder = os.path.abspath(os.path.expanduser(artifacts)) if artifacts else None
    base = artifacts if artifacts and "://" in artifacts else folder
    return base or default_folder(storage)


def _with_files(tables: dict[str, Any], options: dict[str, Any], base: str) -> dict[str, Any]:
    """Data by option, data frames as the paths of their files; options say how these are read."""
    from tuner.datasets import table_store
    from tuner.datasets.table_format import NO_TEXT

    given = {}
    for name, one in tables.items():
        if not table_store.is_frame(one):
            given[name] = one
            continue
        path, codes = table_store.write(one, base)
        given[name] = str(path)
        if not options.get("na_values") and table_store.holds_words_for_missing(one):
            options["na_values"] = list(NO_TEXT)
        if name == "data":
            options["categories"] = [*_listed(options.get("categories")), *codes]
    return given


def _listed(value: Any) -> list[str]:
    """An option that may be repeated as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _console(*, quiet: bool) -> Any:
    from tuner.cli.console import messages

    console = messages(as_json=False)
    console.quiet = quiet
    return console
