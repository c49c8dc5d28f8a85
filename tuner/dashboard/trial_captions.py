"""A trial's note and files as the dashboard shows them, made when they are asked for.

Nothing of it is stored: workers have no part in it, and what is shown is as fresh as the store.
"""

from __future__ import annotations

import mimetypes
import re
from typing import Any

from storage.trial_annotations import TrialAnnotation
from tuner import formatting
from tuner.monitoring import study_notes

SVG, KERAS = "image/svg+xml", "application/zip"
# optuna-dashboard takes letters of hexadecimal numbers in the id of an artifact, nothing else.
CURVE, MODEL, FILE = "c", "d", "f"
OURS = re.compile(
    rf"(?P<kind>[{CURVE}{MODEL}{FILE}])-(?P<trial_id>\d{{1,10}})(-(?P<place>\d{{1,4}}))?"
)
# Of files that the user's code has logged, what a browser may show; others are only saved.
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
BYTES = "application/octet-stream"


def captioned(trial: dict[str, Any], caption: TrialAnnotation) -> dict[str, Any]:
    """A trial in optuna-dashboard's JSON, with its note, worker and files.

    Args:
        trial: As optuna-dashboard makes it.
    """
    note = dict(trial["note"])
    ours = text(caption, trial["state"], study_id=trial["study_id"], trial_id=trial["trial_id"])
    note["body"] = ours + study_notes.users_part(note["body"])
    attributes = list(trial["user_attrs"])
    if caption.worker is not None and all(item["key"] != "worker" for item in attributes):
        attributes.append({"key": "worker", "value": caption.worker})
    files = [*artifacts(caption, trial["trial_id"]), *trial["artifacts"]]
    return {**trial, "note": note, "user_attrs": attributes, "artifacts": files}


def text(caption: TrialAnnotation, state: str, *, study_id: int, trial_id: int) -> str:
    """Our part of a trial's note, in Markdown, with the line that ends it."""
    lines = []
    if caption.failure is not None:
        kind, message = (
            study_notes.safe(caption.failure.kind),
            study_notes.safe(caption.failure.message),
        )
        lines.append(f"**{'Failed' if state == 'Fail' else 'Ended early'}** ({kind}): {message}")
    if caption.value is not None:
        lines.append(
            f"**Best** {formatting.number(caption.value)} at epoch "
            f"{formatting.of_epochs(caption.best_epoch, caption.epochs)}"
        )
    if caption.worker is not None:
        again = f", attempt {caption.attempts}" if caption.attempts > 1 else ""
        lines.append(f"**Worker** {study_notes.safe(caption.worker)}{again}")
    if caption.epochs:
        lines.append(f"![Learning curve](/artifacts/{study_id}/{trial_id}/{CURVE}-{trial_id})")
    return "\n\n".join([*lines, study_notes.MARK])


def artifacts(caption: TrialAnnotation, trial_id: int) -> list[dict[str, Any]]:
    """A trial's picture, model and logged files, as optuna-dashboard lists files."""
    files = []
    if caption.epochs:
        files.append(_artifact(f"{CURVE}-{trial_id}", "learning-curve.svg", SVG))
    if caption.model is not None:
        name = caption.model.rpartition("/")[2]
        files.append(_artifact(f"{MODEL}-{trial_id}", name, KERAS))
    for index, file in enumerate(caption.files):
        files.append(_artifact(f"{FILE}-{trial_id}-{index}", file.name, media_type(file.name)))
    return files


def media_type(name: str) -> str:
    """How a logged file is sent."""
    guessed = mimetypes.guess_type(name)[0]
    return guessed if guessed in PICTURES else BYTES


def _artifact(artifact_id: str, filename: str, mimetype: str) -> dict[str, Any]:
    return {
        "artifact_id": artifact_id,
        "filename": filename,
        "mimetype": mimetype,
        "encoding": None,
    }
