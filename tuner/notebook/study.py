"""`Study`: a study in a store, as Python asks about it."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import UserError
from tuner.exits import URL_VARIABLE
from tuner.notebook.frames import as_file, frame
from tuner.notebook.words import final, option

MISTAKE = 2  # exit code of a mistake of the user's

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from storage.engine import Store
    from storage.studies import Study as StoredStudy
    from storage.trials import TrialRecord


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
            return frame(list_trials(store, study), study)

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
            return frame(front(store, study), study)

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
        return self._typed("evaluate", option("--trial", trial))

    def predict(self, rows: Any, trial: int | None = None) -> pd.DataFrame:
        """What a trial's model, by default the best one's, predicts for raw rows.

        Args:
            rows: A data frame, an array, a dict with an array for each of several inputs, or the
                path of a .csv, .parquet, .tfrecord or .npz file.

        Returns:
            For classes ``prediction`` and the probability of each, ``p(label)``; for a
            regression ``prediction``; of several outputs both behind the name of each.

        Raises:
            DataError: The rows are not such as the model takes.
            UserError: No trial is complete, or the model was not kept.

        Examples:
            >>> study.predict(x[:5]).prediction
        """
        from tuner.loading import load_space
        from tuner.results.prediction import predict_table
        from tuner.study import StudySpec

        with self._opened() as (_, study):
            load_space(StudySpec.from_dict(study.spec))  # it may bring layers of its own
        with tempfile.TemporaryDirectory(prefix="tuner-") as folder:
            model = self.export(Path(folder) / "model.keras", trial=trial)
            table = rows if isinstance(rows, (str, Path)) else as_file(rows, model)
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
        words = [*option("--output", output), *final(force, threads)]
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
        words = [*option("--output", path), *option("--trial", trial), *final(force, threads)]
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
        words = [*option("--output", path), *option("--top", top), *final(force, threads)]
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
        place = str(Path(__file__).parents[2])  # wherever this module was found
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
