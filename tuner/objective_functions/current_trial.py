"""The trial that an objective function gets: Optuna's, and what our machinery adds to it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.parameters import overrides as override_texts
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.parameter import Parameter
from search_spaces.parameters.ranges import Float, Int
from storage import trial_writes
from storage.database.engine import Store
from storage.files.artifacts import Artifacts
from storage.leases import Claim
from storage.trial_writes import LoggedFile
from tuner.errors import UserError
from tuner.objective_functions.interruptions import Interruptions
from tuner.objective_functions.observed_study import ObservedStudy
from tuner.objective_functions.trial_folder import TrialFolder
from tuner.resources.device import Device
from tuner.search.enqueued_trial import EnqueuedTrial
from tuner.trials.reporter import Reporter

PRIVATE = ".tuner"  # in the trial's folder: what is ours
MODEL = "model.keras"
FILES = "files"  # folder of logged files among a study's


@dataclass(frozen=True, kw_only=True)
class TrialSurroundings:
    """What stands around a trial in its worker.

    Attributes:
        persist: Calls a write until the store answers; interrupts the trial where it is lost.
        seed: Of the trial, in [0, 2**31).
        overrides: Texts of ``--set`` by name.
    """

    store: Store
    claim: Claim
    artifacts: Artifacts
    reporter: Reporter
    persist: Callable[[Callable[[], Any]], Any]
    interruptions: Interruptions
    folder: TrialFolder
    device: Device
    seed: int
    overrides: Mapping[str, str]


class CurrentTrial(EnqueuedTrial):
    """A trial of Optuna's whose every write is fenced by its lease.

    ``report`` and ``should_prune`` raise `TrialInterrupted` where the trial has to stop.

    Args:
        study: Of the trial.
        surroundings: In this worker.

    Attributes:
        resumed: Whether ``folder`` holds what an earlier attempt saved.
        threads: CPU threads that the trial may use.
        gpus: Names of the GPUs that it may use.
        token: Number of this attempt at the trial, from 1.
        seed: For its random numbers, in [0, 2**31); the same in every attempt.
        next_step: Of the first report of the next ``fit`` with a ``tuner.keras.TrialCallback``.

    An objective function that goes on where a killed worker stopped:

        >>> import pickle
        >>> def objective(trial):
        ...     file = trial.folder / "state.pickle"
        ...     start, total = pickle.loads(file.read_bytes()) if trial.resumed else (0, 0.0)
        ...     rate = trial.suggest_float("rate", 0.0, 1.0)
        ...     for step in range(start, 5):
        ...         total += rate
        ...         file.write_bytes(pickle.dumps((step + 1, total)))
        ...         trial.report(total, step)
        ...     return total
    """

    def __init__(self, study: ObservedStudy, surroundings: TrialSurroundings) -> None:
        super().__init__(study, surroundings.claim.trial_id)
        self._surroundings = surroundings
        self._earlier_steps = frozenset(self._cached_frozen_trial.intermediate_values)
        self.resumed = surroundings.folder.restored
        self.token = surroundings.claim.token
        self.threads = surroundings.device.threads
        gpu = surroundings.device.gpu
        self.gpus: tuple[str, ...] = () if gpu is None else (gpu,)
        self.seed = surroundings.seed
        self._fits = 0
        self.next_step = 0

    @property
    def folder(self) -> Path:
        """A folder for checkpoints, which is saved after reports and whenever the trial stops."""
        return self._surroundings.folder.path

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,
        *,
        step: float | None = None,
        log: bool = False,
    ) -> float:
        """As Optuna's, narrowed by ``--set``."""
        self.check()
        text = override_texts.override_of(name, self._surroundings.overrides)
        if text is None:
            return super().suggest_float(name, low, high, step=step, log=log)
        value: float = self._narrowed(name, Float(low, high, step=step, log=log), text)
        return value

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """As Optuna's, narrowed by ``--set``."""
        self.check()
        text = override_texts.override_of(name, self._surroundings.overrides)
        if text is None:
            return super().suggest_int(name, low, high, step=step, log=log)
        whole = Int(low, high, step=None if step == 1 else step, log=log)
        value: int = self._narrowed(name, whole, text)
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """As Optuna's, narrowed by ``--set``."""
        self.check()
        text = override_texts.override_of(name, self._surroundings.overrides)
        if text is None:
            return super().suggest_categorical(name, choices)
        return self._narrowed(name, Choice(list(choices), ordered=False), text)

    def _narrowed(self, name: str, parameter: Parameter, text: str) -> Any:
        narrow = override_texts.narrow(name, parameter, text)
        if isinstance(narrow, Int):
            ends = int(narrow.low), int(narrow.high)
            return super().suggest_int(name, *ends, step=int(narrow.step or 1), log=narrow.log)
        if isinstance(narrow, Float):
            return super().suggest_float(
                name, narrow.low, narrow.high, step=narrow.step, log=narrow.log
            )
        assert isinstance(narrow, Choice)
        return super().suggest_categorical(name, list(narrow.values))

    def report(self, value: float, step: int) -> None:
        """As Optuna's; a step that an earlier attempt reported keeps its value.

        Raises:
            TrialInterrupted: The trial has to stop.
        """
        # First of all: code may have saved its state, and would not come to this step again.
        if step not in self._earlier_steps:
            super().report(value, step)
            self._surroundings.reporter.flush(unanswered=1)
        self._surroundings.folder.offer(self.reports)
        self.check()

    def should_prune(self) -> bool:
        """Whether the study's pruner rejects the trial, by all that was reported.

        Raises:
            TrialInterrupted: The trial has to stop.
        """
        self.check()
        if len(self.study.directions) > 1:
            return super().should_prune()  # raises what Optuna raises
        self._surroundings.reporter.flush(patient=False)
        self.check()
        return self._surroundings.reporter.prune

    @property
    def reports(self) -> int:
        """How many steps were reported, in all attempts."""
        return len(self._cached_frozen_trial.intermediate_values)

    @property
    def reported(self) -> Mapping[int, float]:
        """The values that were reported, by step, in all attempts."""
        return dict(self._cached_frozen_trial.intermediate_values)

    def is_saving_due(self) -> bool:
        """Whether ``save_folder`` would save the folder now, as far as time is concerned."""
        return self._surroundings.folder.is_due()

    def save_folder(self) -> None:
        """Saves the folder beside the trial, if it changed and the last time is long enough ago."""
        self._surroundings.folder.offer(self.reports)

    def count_fit(self) -> int:
        """Returns how often it was called before in this attempt: names checkpoints of a fit."""
        self._fits += 1
        return self._fits - 1

    def check(self) -> None:
        """Stops the trial where it has to stop, without a report.

        Raises:
            TrialInterrupted: It has to.
        """
        self._surroundings.interruptions.check()

    def log_model(self, model: Any) -> None:
        """Keeps a Keras model as the trial's, if the trial ends among the best of its study.

        Of several models the last one counts. ``tuner export`` hands it out.

        Args:
            model: A ``keras.Model``.

        Raises:
            TypeError: It is none.
        """
        import keras

        if not isinstance(model, keras.Model):
            raise TypeError(
                f"Expected a keras.Model. Received: {type(model).__name__}: keep other models with "
                "log_artifact(path)."
            )
        self.logged_model.parent.mkdir(exist_ok=True)
        draft = self.logged_model.with_name(f"draft-{MODEL}")
        model.save(draft)
        draft.replace(self.logged_model)

    @property
    def logged_model(self) -> Path:
        """The file of the model that was logged; it may be missing."""
        return self.folder / PRIVATE / MODEL

    def log_artifact(self, path: str | Path, name: str | None = None) -> None:
        """Keeps a file with the trial, for the dashboard; one of the same name is replaced.

        Args:
            path: Of the file.
            name: How it is shown; None for the name of the file.

        Raises:
            UserError: There is no such file.
        """
        file = Path(path)
        if not file.is_file():
            raise UserError(f"Expected a file for log_artifact. Received: {str(path)!r}.")
        around, shown = self._surroundings, name or file.name
        safe = re.sub(r"[^\w.-]+", "-", shown)[-80:]
        place = f"{FILES}/trial-{self.number:05d}-token-{around.claim.token}"
        saved = around.artifacts.save(
            f"{place}-{uuid.uuid4().hex[:8]}-{safe}", lambda target: _copy(file, target)
        )
        logged = LoggedFile(name=shown, path=saved.path, sha256=saved.sha256)
        try:
            replaced = around.persist(
                lambda: trial_writes.add_file(around.store, around.claim, logged)
            )
        except BaseException:
            around.artifacts.remove([saved.path])
            raise
        if replaced is not None:
            with suppress(OSError):
                around.artifacts.remove([replaced.path])


def _copy(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())


_current: list[CurrentTrial] = []  # the trial at hand, of which a worker has one


def current_trial() -> CurrentTrial:
    """Returns the trial that this process works on, from anywhere in the code that it runs.

    Raises:
        UserError: There is none: the code does not run in a worker.

    A function that an objective function calls need not be given the trial:

        >>> def seeds():
        ...     return {"random_state": current_trial().seed}
    """
    if not _current:
        raise UserError(
            "Expected to be called by an objective function in a worker. Received: no trial is at "
            "hand: run it with `tuner launch file.py:objective`."
        )
    return _current[-1]


def set_current(trial: CurrentTrial | None) -> None:
    """Makes a trial the one that ``current_trial`` returns; None for none."""
    _current[:] = [] if trial is None else [trial]
