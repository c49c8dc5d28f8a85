"""A trial's note and files as the dashboard shows them, made when they are asked for.

Nothing of it is stored: workers have no part in it, and what is shown is as fresh as the store.
"""

from __future__ import annotations

import re
from typing import Any

from storage.captions import Caption
from tuner import notes, words

SVG, KERAS = "image/svg+xml", "application/zip"
# optuna-dashboard takes letters of hexadecimal numbers in the id of an artifact, nothing else.
CURVE, MODEL = "c", "d"
OURS = re.compile(rf"(?P<kind>[{CURVE}{MODEL}])-(?P<trial_id>\d{{1,10}})")


def captioned(shown: dict[str, Any], caption: Caption) -> dict[str, Any]:
    """A trial in optuna-dashboard's JSON, with its note, worker and files.

    Args:
        shown: As optuna-dashboard makes it.
    """
    note = dict(shown["note"])
    ours = text(caption, shown["state"], study_id=shown["study_id"], trial_id=shown["trial_id"])
    note["body"] = ours + notes.users_part(note["body"])
    attributes = list(shown["user_attrs"])
    if caption.worker is not None and all(item["key"] != "worker" for item in attributes):
        attributes.append({"key": "worker", "value": caption.worker})
    files = [*artifacts(caption, shown["trial_id"]), *shown["artifacts"]]
    return {**shown, "note": note, "user_attrs": attributes, "artifacts": files}


def text(caption: Caption, state: str, *, study_id: int, trial_id: int) -> str:
    """Our part of a trial's note, in Markdown, with the line that ends it."""
    lines = []
    if caption.failure is not None:
        kind, message = notes.safe(caption.failure.kind), notes.safe(caption.failure.message)
        lines.append(f"**{'Failed' if state == 'Fail' else 'Ended early'}** ({kind}): {message}")
    if caption.value is not None:
        lines.append(
            f"**Best** {words.number(caption.value)} at epoch {caption.best_epoch} "
            f"of {caption.epochs}"
        )
    if caption.worker is not None:
        again = f", attempt {caption.attempts}" if caption.attempts > 1 else ""
        lines.append(f"**Worker** {notes.safe(caption.worker)}{again}")
    if caption.epochs:
        lines.append(f"![Learning curve](/artifacts/{study_id}/{trial_id}/{CURVE}-{trial_id})")
    return "\n\n".join([*lines, notes.MARK])


def artifacts(caption: Caption, trial_id: int) -> list[dict[str, Any]]:
    """A trial's picture and model, as optuna-dashboard lists files."""
    found = []
    if caption.epochs:
        found.append(_artifact(f"{CURVE}-{trial_id}", "learning-curve.svg", SVG))
    if caption.model is not None:
        name = caption.model.rpartition("/")[2]
        found.append(_artifact(f"{MODEL}-{trial_id}", name, KERAS))
    return found


def _artifact(artifact_id: str, filename: str, mimetype: str) -> dict[str, Any]:
    return {
        "artifact_id": artifact_id,
        "filename": filename,
        "mimetype": mimetype,
        "encoding": None,
    }
