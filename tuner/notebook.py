"""Studies in Python and in notebooks: the command line's own way, with arrays and data frames."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from tuner.cli.options import DEFAULT_STORE
from tuner.errors import UserError
from tuner.exits import URL_VARIABLE

MISTAKE = 2  # exit code of a mistake of the user's

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from storage.engine import Store
    from storage.studies import Study as StoredStudy
    from storage.trials import TrialRecord


def launch(
    space: str,
    data: Any,
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
        data: A source as on the command line (``"digits"``, ``"house.csv"``), or arrays:
            ``(x, y)``, ``((x_train, y_train), (x_test, y_test))``, or a mapping of such names.
            Arrays are written once into the folder of models, under their hash.
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
        ...     metric=["mean_absolute_error"], study_timeout="10m",
        ... )
    """
    from tuner.cli.request import make_request
    from tuner.cli.working import work
    from tuner.crew import Crew
    from tuner.launching import launch as find_or_make

    url = storage or os.environ.get(URL_VARIABLE) or DEFAULT_STORE
    if not isinstance(data, str):
        data = _written(data, options.get("artifacts"), url)
    typed = _typed(space, {"data": data, "trials": trials, **options})
    crew = Crew(workers=workers, threads=typed.pop("threads"), per_gpu=typed.pop("workers_per_gpu"))
    crew.check()
    store, study, _ = find_or_make(url, make_request(typed))
    try:
        if crew.count != 0 and study.state != "finished":
            _, code = work(store, study, crew, _console(quiet=quiet))
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


class Study:
    """A study in a store, asked anew each time: it may be worked on meanwhile.

    Attributes:
        name: Its name.
        storage: Address of its store.
    """

    def __init__(self, name: str, *, storage: str) -> None:
        self.name, self.storage = name, storage

    @property
    def best(self) -> TrialRecord | None:
        """The best complete trial; None while there is none.

        With several objectives it is the one of the Pareto front that is best by the first.

        Examples:
            >>> study.best.value, study.best.hyperparameters, study.best.metrics
        """
        from storage import trials

        with self._opened() as (store, study):
            found = trials.best(store, study)
        return found[0] if found else None

    @property
    def trials(self) -> pd.DataFrame:
        """All trials by number: state, value, epochs, hyperparameters ``params_...``, metrics.

        Examples:
            >>> study.trials.plot.scatter("params_learning_rate", "value", logx=True)
        """
        from storage.trials import list_trials

        with self._opened() as (store, study):
            return _frame(list_trials(store, study), study)

    @property
    def front(self) -> pd.DataFrame:
        """With several objectives, the trials that no other one dominates: the Pareto front.

        The best by the first objective comes first; further ones are in columns ``values_...``.
        With one objective it holds the trials with the best value.

        Examples:
            >>> study.front[["value", "values_parameters"]]
        """
        from storage.trials import front

        with self._opened() as (store, study):
            return _frame(front(store, study), study)

    def learning_curve(self, trial: int | None = None) -> pd.DataFrame:
        """The metrics of each epoch of a trial, by default the best one.

        Examples:
            >>> study.learning_curve()[["loss", "val_loss"]].plot()
        """
        import pandas as pd

        from storage.trials import curve
        from tuner.results.choice import chosen

        with self._opened() as (store, study):
            epochs = curve(store, chosen(store, study, trial).trial_id)
        return pd.DataFrame(epochs).set_index("epoch")

    def status(self) -> dict[str, Any]:
        """How far it is and what its workers do: what ``tuner status --json`` prints."""
        from storage import overview
        from tuner.cli import documents

        with self._opened() as (store, study):
            return documents.of_status(overview.status(store, study))

    def export(self, path: str | Path, *, trial: int | None = None, force: bool = False) -> Path:
        """Copies a trial's model to a file that plain Keras loads, with a card beside it.

        Args:
            path: Ends in ``.keras``.
            trial: By default the best one.
            force: Replace files that exist.

        Raises:
            UserError: No trial is complete, the model was not kept, or the file exists.

        Examples:
            >>> keras.saving.load_model(study.export("model.keras")).predict(rows)
        """
        from tuner.results.choice import chosen
        from tuner.results.export import export
        from tuner.results.files import ModelFiles

        files = ModelFiles(path, force=force)
        with self._opened() as (store, study):
            export(store, study, chosen(store, study, trial), files)
        return files.model

    def load_model(self, trial: int | None = None) -> keras.Model:
        """The model of a trial, by default the best one: it takes raw rows."""
        from tuner.loading import load_space
        from tuner.results.choice import chosen, model_file
        from tuner.results.evaluation import import_keras
        from tuner.results.evaluation import load as load_file
        from tuner.study import StudySpec

        with (
            self._opened() as (store, study),
            model_file(study, chosen(store, study, trial)) as path,
        ):
            import_keras()
            load_space(StudySpec.from_dict(study.spec))  # it may bring layers of its own
            return load_file(path)

    def evaluate(self, trial: int | None = None) -> dict[str, Any]:
        """Scores a trial's saved model on the test part: what ``tuner evaluate --json`` prints.

        Raises:
            UserError: No trial is complete, or the model was not kept.

        Examples:
            >>> study.evaluate()["accuracy"]
        """
        return self._typed("evaluate", _option("--trial", trial))

    def predict(self, rows: Any, trial: int | None = None) -> pd.DataFrame:
        """What a trial's model, by default the best one's, predicts for raw rows.

        Args:
            rows: A data frame, an array, a dict with an array for each of several inputs, or the
                path of a .csv or .npz file.

        Returns:
            For classes ``prediction`` and the probability of each, ``p(label)``; for a
            regression ``prediction``.

        Raises:
            DataError: The rows are not such as the model takes.
            UserError: No trial is complete, or the model was not kept.

        Examples:
            >>> study.predict(x[:5]).prediction
        """
        from tuner.results.prediction import predict_table

        with tempfile.TemporaryDirectory(prefix="tuner-") as folder:
            model = self.export(Path(folder) / "model.keras", trial=trial)
            table = rows if isinstance(rows, (str, Path)) else _as_file(rows, model)
            return predict_table(str(model), str(table))

    def rerun(
        self,
        trial: int,
        *,
        output: str | Path | None = None,
        force: bool = False,
        threads: int | None = None,
    ) -> dict[str, Any]:
        """Trains a trial again and compares: what ``tuner rerun --json`` prints.

        Args:
            output: Keeps the model, with a card; ends in ``.keras``.
            threads: By default as many as its worker had.

        Raises:
            UserError: The trial cannot be trained again.

        Examples:
            >>> study.rerun(study.best.number)["identical"]
        """
        words = [*_option("--output", output), *_final(force, threads)]
        return self._typed("rerun", words, str(trial))

    def refit(
        self,
        path: str | Path,
        *,
        trial: int | None = None,
        force: bool = False,
        threads: int | None = None,
    ) -> dict[str, Any]:
        """Trains the best hyperparameters on training and validation rows together.

        Returns:
            The card that is written beside the model.

        Examples:
            >>> study.refit("final.keras")["metrics"]["test"]
        """
        words = [*_option("--output", path), *_option("--trial", trial), *_final(force, threads)]
        return self._typed("refit", words)

    def ensemble(
        self,
        path: str | Path,
        *,
        top: int = 5,
        force: bool = False,
        threads: int | None = None,
    ) -> dict[str, Any]:
        """Averages the best models into one; models that were not kept are trained again.

        Returns:
            The card that is written beside the model, with ``helps``: whether the average has a
            lower validation loss than each of its members.

        Examples:
            >>> study.ensemble("mean.keras", top=3)["helps"]
        """
        words = [*_option("--output", path), *_option("--top", top), *_final(force, threads)]
        return self._typed("ensemble", words)

    def report(
        self, path: str | Path = "report.html", *, force: bool = False, evaluate: bool = True
    ) -> Path:
        """Writes the study on one page, as ``tuner report`` does.

        Args:
            evaluate: Let the best model predict the test part.
        """
        from tuner.cli.reports import report

        assert report.callback is not None
        report.callback(
            study=self.name,
            output=str(path),
            kind=None,
            evaluate=evaluate,
            force=force,
            storage=self.storage,
        )
        return Path(path)

    def __repr__(self) -> str:
        return f"<{self._line()}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: how far it is, and the best trial."""
        from tuner import words

        lines, best = [f"<p>{html.escape(self._line())}</p>"], self.best
        if best is not None:
            lines.append("<table><tr><th>hyperparameter</th><th>value</th></tr>")
            lines += [
                f"<tr><td>{html.escape(name)}</td><td>{html.escape(words.setting(value))}</td></tr>"
                for name, value in best.hyperparameters.items()
            ]
            lines.append("</table>")
            for part, prefix in (("Validation", words.VALIDATION), ("Test", words.TEST)):
                if measured := words.measures(best.metrics, prefix):
                    lines.append(f"<p>{part}: {html.escape(measured)}</p>")
        return "".join(lines)

    def _line(self) -> str:
        from storage import overview
        from tuner import words
        from tuner.goal import goals_of

        with self._opened() as (store, study):
            status = overview.status(store, study)
        line = f"Study {self.name} is {study.state}: {words.progress(status.trials, study.budget)}"
        if status.best is None:
            return line
        if status.front:
            told = words.objectives(status.best, goals_of(status.study))
            count = words.count(len(status.front))
            return f"{line}; Pareto front of {count}, the first {status.best.number}: {told}"
        return f"{line}; best trial {status.best.number}, {words.number(status.best.value)}"

    def _typed(self, command: str, options: Sequence[str], *more: str) -> dict[str, Any]:
        """What a command prints as JSON, in a process of its own.

        TensorFlow is what a notebook has made of it: there a training would use other threads,
        and memory that nobody gives back.
        """
        typed = [sys.executable, "-P", "-m", "tuner", command, "--json", *options]
        typed += ["--", self.name, *more]
        place = str(Path(__file__).parents[1])  # wherever this module was found
        path = os.pathsep.join(filter(None, (place, os.environ.get("PYTHONPATH"))))
        # Not among the arguments: an address may hold a password.
        environment = {**os.environ, URL_VARIABLE: self.storage, "PYTHONPATH": path}
        done = subprocess.run(typed, env=environment, capture_output=True, text=True, check=False)
        if done.stdout.strip():
            answer: dict[str, Any] = json.loads(done.stdout)
            return answer
        line = done.stderr.strip().rpartition("\n")[2].removeprefix("Error: ")
        raise UserError(line) if done.returncode == MISTAKE else RuntimeError(line)

    @contextmanager
    def _opened(self) -> Iterator[tuple[Store, StoredStudy]]:
        from storage import studies
        from storage.engine import open_store

        store = open_store(self.storage, create=False)
        try:
            yield store, studies.load(store, self.name)
        finally:
            store.close()


def _written(data: Any, artifacts: str | None, storage: str) -> str:
    from tuner.datasets import written
    from tuner.launching import default_folder

    folder = os.path.abspath(os.path.expanduser(artifacts)) if artifacts else None
    base = artifacts if artifacts and "://" in artifacts else folder
    return str(written.write(data, base or default_folder(storage)))


def _typed(space: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the command line makes of these options: its names, its checks, its defaults.

    Raises:
        UserError: An option does not exist, or has a value that makes no sense.
    """
    from tuner.cli.launch import launch as command

    arguments = [word for name, value in options.items() for word in _words(name, value)]
    try:
        context = command.make_context("tuner.launch", [*arguments, "--", str(space)])
    except click.ClickException as e:
        raise UserError(e.format_message()) from e
    if context.params["dry_run"]:
        raise UserError("Expected options that make a study. Received: dry_run: it is typed.")
    elsewhere = ("storage", "workers", "as_json", "dry_run")
    return {name: value for name, value in context.params.items() if name not in elsewhere}


def _words(name: str, value: Any) -> list[str]:
    """An option as it is typed: ``set={"units": [32, 64]}`` is ``--set units=32,64``."""
    flag = f"--{name.replace('_', '-')}"
    if value is None or value is False:
        return []
    if value is True:
        return [flag]
    if isinstance(value, Mapping):
        value = [f"{key}={_listed(item)}" for key, item in value.items()]
    values = value if isinstance(value, (list, tuple)) else [value]
    return [f"{flag}={item}" for item in values]


def _listed(value: Any) -> str:
    from search_spaces.values import spell

    if isinstance(value, (list, tuple)):
        return ",".join(map(_listed, value))
    return value if isinstance(value, str) else spell(value)


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [name, str(value)]


def _final(force: bool, threads: int | None) -> list[str]:
    return [*(["--force"] if force else []), *_option("--threads", threads)]


def _as_file(rows: Any, model: Path) -> Path:
    """Rows in memory as the file that the command line would be given, beside the model."""
    import numpy as np
    import pandas as pd

    if isinstance(rows, Mapping):
        arrays = model.with_name("rows.npz")
        by_name: Any = {name: np.asarray(array) for name, array in rows.items()}
        np.savez(arrays, **by_name)
        return arrays
    from tuner.results.files import card_path

    named = isinstance(rows, pd.DataFrame)
    table = rows if named else pd.DataFrame(np.asarray(rows).reshape(len(rows), -1))
    columns = json.loads(card_path(model).read_text(encoding="utf-8"))["data"].get("columns")
    if not named and len(columns or ()) == len(table.columns):
        table, named = table.set_axis(columns, axis=1), True
    file = model.with_name("rows.csv")
    table.to_csv(file, index=False, header=named)
    return file


def _console(*, quiet: bool) -> Any:
    from tuner.cli.screen import messages

    console = messages(as_json=False)
    console.quiet = quiet
    return console


def _frame(found: Sequence[TrialRecord], study: StoredStudy) -> pd.DataFrame:
    import pandas as pd

    from tuner.goal import goals_of

    further = [goal.name for goal in goals_of(study)[1:]]
    columns = ["number", "state", "value", "epochs", "best_epoch", "seconds", "failure"]
    columns[3:3] = [f"values_{name}" for name in further]
    frame = pd.DataFrame([_row(trial, further) for trial in found])
    return frame.reindex(columns=[*columns, *(c for c in frame if c not in columns)]).set_index(
        "number"
    )


def _row(trial: TrialRecord, further: Sequence[str]) -> dict[str, Any]:
    named = zip(further, trial.further, strict=False)  # a trial that is not complete has none
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        **{f"values_{name}": value for name, value in named},
        "epochs": trial.epoch,
        "best_epoch": trial.best_epoch,
        "seconds": trial.seconds,
        "failure": None if trial.failure is None else trial.failure.message,
        **{f"params_{name}": value for name, value in trial.hyperparameters.items()},
        **trial.metrics,
    }
