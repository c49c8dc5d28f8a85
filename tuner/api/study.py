"""`Study`: a study in a store, as Python asks about it."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.api.cli_options import final, option
from tuner.api.data_frame_files import as_rows, frame
from tuner.errors import UserError
from tuner.workers.exit_codes import URL_VARIABLE

MISTAKE = 2  # exit code of a mistake of the user's

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from storage.database.engine import Store
    from storage.studies import Study as StoredStudy
    from storage.trials import TrialRecord


class Study:
    """A study in a store, asked anew each time: it may be worked on meanwhile.

    Attributes:
        name: Its name.
        storage: Address of its store.

    Examples:
        >>> study = tuner.load("mlp-digits")
        >>> study.best.hyperparameters["learning_rate"]
        >>> study.export("best.keras", force=True)
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
            best_trials = trials.best(store, study)
        return best_trials[0] if best_trials else None

    @property
    def trials(self) -> pd.DataFrame:
        """All trials by number: state, value, epochs, hyperparameters ``params_...``, metrics.

        Examples:
            >>> study.trials.sort_values("value")[["value", "params_learning_rate"]].head()
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
            >>> study.learning_curve()[["loss", "val_loss"]].min()
        """
        import pandas as pd

        from storage.trials import curve
        from tuner.models.trial_choice import chosen_trial

        with self._opened() as (store, study):
            epochs = curve(store, chosen_trial(store, study, trial).trial_id)
        return pd.DataFrame(epochs).set_index("epoch")

    def status(self) -> dict[str, Any]:
        """How far it is and what its workers do: what ``tuner status --json`` prints."""
        from storage import overview
        from tuner.cli import json_output

        with self._opened() as (store, study):
            return json_output.of_status(overview.status(store, study))

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
        from tuner.models.export import export
        from tuner.models.output_files import ModelFiles
        from tuner.models.trial_choice import chosen_trial

        files = ModelFiles(path, force=force)
        with self._opened() as (store, study):
            export(store, study, chosen_trial(store, study, trial), files)
        return files.model

    def load_model(self, trial: int | None = None) -> keras.Model:
        """The model of a trial, by default the best one: it takes raw rows."""
        from tuner.models.evaluate import import_keras
        from tuner.models.evaluate import load as load_file
        from tuner.models.trial_choice import chosen_trial, model_file
        from tuner.studies.loading import load_space
        from tuner.studies.study_spec import StudySpec

        with (
            self._opened() as (store, study),
            model_file(store, study, chosen_trial(store, study, trial)) as path,
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

    def predict(self, rows: Any, trial: int | None = None) -> Any:
        """What a trial's model, by default the best one's, predicts for raw rows.

        Args:
            rows: A data frame, whose columns go by their names; an array; a dict with either for
                each of several inputs; or the path of a table, a .tfrecord or a .npz file.

        Returns:
            For classes ``prediction`` and the probability of each, ``p(label)``; for a
            regression ``prediction``; of several outputs both behind the name of each. Where
            each pixel or step is predicted, a dict of the arrays ``prediction`` and
            ``probability`` ``(rows, height, width, ...)``.

        Raises:
            DataError: The rows are not such as the model takes.
            UserError: No trial is complete, or the model was not kept.

        Examples:
            >>> study.predict(x[:5]).prediction
        """
        from storage.files.scratch import scratch
        from tuner.datasets import DataError
        from tuner.models.predict import predict_rows
        from tuner.studies.loading import load_space
        from tuner.studies.study_spec import StudySpec

        with self._opened() as (_, study):
            load_space(StudySpec.from_dict(study.spec))  # it may bring layers of its own
        with scratch() as folder:
            model = self.export(folder / "model.keras", trial=trial)
            table = str(rows) if isinstance(rows, (str, Path)) else as_rows(rows, model)
            try:
                return predict_rows(str(model), table, tell=_warn)
            except DataError as e:  # names a file of ours, which is gone
                raise DataError(str(e).replace(str(model.with_name("rows.npz")), "rows")) from e

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
            better validation objective than each of its members.

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
        from tuner.cli.report_commands import report

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
        from tuner import formatting

        lines, best = [f"<p>{html.escape(self._line())}</p>"], self.best
        if best is not None:
            lines.append("<table><tr><th>hyperparameter</th><th>value</th></tr>")
            lines += [
                f"<tr><td>{html.escape(name)}</td><td>{html.escape(formatting.setting(value))}</td></tr>"
                for name, value in best.hyperparameters.items()
            ]
            lines.append("</table>")
            with self._opened() as (_, study):
                stored = study
            for part, prefix in (
                ("Validation", formatting.VALIDATION),
                (formatting.test_part(stored), formatting.TEST),
            ):
                if measured := formatting.measures(best.metrics, prefix, stored):
                    lines.append(f"<p>{part}: {html.escape(measured)}</p>")
        return "".join(lines)

    def _line(self) -> str:
        from storage import overview
        from tuner import formatting
        from tuner.studies.objective import objectives_of

        with self._opened() as (store, study):
            status = overview.status(store, study)
        done = formatting.progress(status.trials, study.budget)
        line = f"Study {self.name} is {study.state}: {done}"
        if status.best is None:
            return line
        if status.front:
            values = formatting.objectives(status.best, objectives_of(status.study))
            count = formatting.count(len(status.front))
            return f"{line}; Pareto front of {count}, the first {status.best.number}: {values}"
        return f"{line}; best trial {status.best.number}, {formatting.number(status.best.value)}"

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
        from storage.database.engine import open_store

        store = open_store(self.storage, create=False)
        try:
            yield store, studies.load(store, self.name)
        finally:
            store.close()


def _warn(lines: Iterable[str]) -> None:
    for line in lines:
        warnings.warn(line, stacklevel=4)
