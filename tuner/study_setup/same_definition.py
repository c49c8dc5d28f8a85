"""Whether a launch asks for the study that there is already, or for another one of its name."""

from __future__ import annotations

import dataclasses

from storage.studies import Study
from tuner.errors import UserError
from tuner.search import pruners
from tuner.studies.study_spec import StudySpec
from tuner.study_setup.launch_request import TRIALS, LaunchRequest

MEASURED = ("data.in_unit", "loss_unit")  # in the definition; nobody types them
FINGERPRINTS = {
    "space_fingerprint": "the source of the search space was changed",
    "code_fingerprint": "the source of a metric, callback or data function was changed",
    "data_fingerprint": "the data were changed",
}


def check_same(study: Study, request: LaunchRequest, spec: StudySpec) -> None:
    """Refuses what differs from the study's definition.

    Raises:
        UserError: Everything that differs, in one line.
    """
    there = StudySpec.from_dict(study.spec)
    there = dataclasses.replace(there, pruner=pruners.from_dict(there.pruner).to_dict())
    differences = dict(line.split(": ", maxsplit=1) for line in spec.differences(there))
    for name in ("past", "tiny_points"):  # which were decided when the study was made
        differences.pop(name, None)
    if request.artifacts is None:
        differences.pop("artifacts", None)
    if (request.sampler, there.sampler) == ("auto", "tpe"):  # the default, and the former one
        differences.pop("sampler", None)
    if not there.data.in_unit:  # it goes on as the version that made it measured
        for name in MEASURED:
            differences.pop(name, None)
    named = {name: text for name, text in differences.items() if name not in FINGERPRINTS}
    shown = [f"{name.replace('_', '-')}: {text}" for name, text in named.items()]
    shown = shown or [FINGERPRINTS[name] for name in differences]
    shown += _other_numbers(study, request)
    if shown:
        raise UserError(
            f"Expected the definition that study {study.name!r} was launched with. Received "
            f"another one ({'; '.join(shown)}): give it another name with --study."
        )
    if request.trials not in (None, study.budget):
        raise UserError(
            f"Expected --trials {study.budget}, which study {study.name!r} was launched with or "
            f"extended to. Received: {request.trials}. For more trials: "
            f"tuner extend {study.typed} --trials +{TRIALS}"
        )


def _other_numbers(study: Study, request: LaunchRequest) -> list[str]:
    """What was asked for beside the definition and is otherwise in the study."""
    limits = study.limits
    pairs = {
        "target-loss": (request.target, limits.target),
        "study-patience": (request.patience, limits.patience),
        "study-timeout": (request.timeout, limits.timeout),
        "lease": (request.lease, study.lease_seconds),
    }
    return [
        f"{name}: {asked:g} instead of {'none' if there is None else format(there, 'g')}"
        for name, (asked, there) in pairs.items()
        if asked is not None and asked != there
    ]
