"""Reads a project folder of KerasTuner: ``oracle.json`` and ``trial_*/trial.json``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tuner.datasets.sources.user_files import kind_of
from tuner.errors import UserError, shorten
from tuner.study_setup.past_study import PastStudy, PastTrial

ORACLE, TRIALS = "oracle.json", "trial_*/trial.json"
LARGEST = 20_000_000  # bytes of a file
MOST_TRIALS = 100_000
BOOKKEEPING = "tuner/"  # begins the names of what its Hyperband remembers in a trial


def read(folder: str) -> PastStudy:
    """Reads the trials of a project.

    Args:
        folder: ``DIRECTORY/PROJECT_NAME`` of KerasTuner.

    Raises:
        UserError: It is no such folder, or a file of it is not as KerasTuner writes it.
    """
    path = Path(folder).expanduser()
    kind = kind_of(path)
    if kind != "a folder" or kind_of(path / ORACLE) is None:
        received = f"which {'does not exist' if kind is None else f'is {kind}'}"
        raise UserError(
            f"Expected a project folder of KerasTuner, with {ORACLE} in it. Received: "
            f"{shorten(folder, 80)}, {f'without{_near(path)}' if kind == 'a folder' else received}."
        )
    _document(path / ORACLE)
    files = sorted(path.glob(TRIALS))
    if len(files) > MOST_TRIALS:
        raise UserError(f"Expected at most {MOST_TRIALS:,} trials in {folder}.")
    documents = [_trial(file) for file in files]
    finished = [document for document in documents if _is_finished(document)]
    return PastStudy(
        source=folder,
        trials=len(documents),
        maximize=(_maximizes(finished, folder),) if finished else (),
        finished=[
            PastTrial(
                values=(float(document["score"]),),
                hyperparameters=_without_bookkeeping(document["hyperparameters"]["values"]),
            )
            for document in finished
        ],
    )


def _near(path: Path) -> str:
    """Projects below a folder: users name the ``directory`` of a search."""
    inside = sorted(file.parent.name for file in path.glob(f"*/{ORACLE}"))
    return f" one: name {' or '.join(inside[:3])} in it" if inside else " one"


def _document(file: Path) -> dict[str, Any]:
    kind = kind_of(file)
    if kind != "a file":
        raise UserError(f"Expected a file of KerasTuner. Received: {file}, which is {kind}.")
    try:
        size = file.stat().st_size
        if size > LARGEST:
            raise UserError(
                f"Expected a file of KerasTuner, of at most {LARGEST:,} bytes. Received: {file} of "
                f"{size:,}."
            )
        document = json.loads(file.read_bytes())
    except OSError as e:
        raise UserError(f"Expected a readable file. Received: {file} ({e.strerror}).") from e
    except (ValueError, RecursionError) as e:
        reason = "too many brackets in brackets" if isinstance(e, RecursionError) else str(e)
        raise UserError(
            f"Expected JSON in {shorten(str(file), 120)}. Received: {shorten(reason, 80)}: remove "
            "its folder, or let KerasTuner write it again."
        ) from e
    if not isinstance(document, dict):
        raise _strange(file)
    return document


def _trial(file: Path) -> dict[str, Any]:
    document = _document(file)
    hyperparameters, metrics = document.get("hyperparameters"), document.get("metrics")
    if not isinstance(hyperparameters, dict) or not isinstance(metrics, dict):
        raise _strange(file)
    if not isinstance(hyperparameters.get("values"), dict) or "score" not in document:
        raise _strange(file)
    return document


def _strange(file: Path) -> UserError:
    return UserError(
        f"Expected a trial or an oracle as KerasTuner 1.0 to 1.4 writes it. Received: {file}, "
        "which has other contents."
    )


def _is_finished(document: Mapping[str, Any]) -> bool:
    return document.get("status") == "COMPLETED" and _is_finite(document["score"])


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _maximizes(documents: Iterable[Mapping[str, Any]], folder: str) -> bool:
    """The direction of the objective, which is not named: the metric that is always the score."""
    objectives: dict[str, str] | None = None
    for document in documents:
        alike = dict(_metrics_like_score(document))
        shared = alike.items() if objectives is None else objectives.items() & alike.items()
        objectives = dict(shared)
    directions = set((objectives or {}).values())
    if len(directions) != 1:
        raise UserError(
            f"Expected trials of KerasTuner that say whether a high score is good. Received: "
            f"{folder}, where {'no metric is' if not directions else 'several metrics are'} the "
            "score of all trials."
        )
    return directions == {"max"}


def _metrics_like_score(document: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    metrics = document["metrics"].get("metrics")
    for name, metric in (metrics if isinstance(metrics, dict) else {}).items():
        observations = metric.get("observations") if isinstance(metric, dict) else None
        for observation in observations if isinstance(observations, list) else ():
            values = observation.get("value") if isinstance(observation, dict) else None
            if not isinstance(values, list) or not values or not all(map(_is_finite, values)):
                continue
            if math.isclose(sum(values) / len(values), document["score"], rel_tol=1e-9):
                yield name, str(metric.get("direction"))


def _without_bookkeeping(values: Mapping[str, Any]) -> dict[str, Any]:
    return {n: value for n, value in values.items() if not n.startswith(BOOKKEEPING)}
