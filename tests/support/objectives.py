"""Studies of objective functions, whose code a test writes, and workers in this process."""

from __future__ import annotations

import textwrap
import uuid
from pathlib import Path
from typing import Any

from search_spaces import catalog
from storage import studies
from storage.database.engine import Store
from storage.files.artifacts import Artifacts
from storage.pruning import NoPruning
from storage.studies import Study
from tuner.datasets import NO_DATA, DataSpec
from tuner.resources.device import Device
from tuner.studies.study_spec import StudySpec
from tuner.workers.worker import Worker


def objective_study(
    store: Store,
    folder: Path,
    code: str,
    *,
    budget: int,
    name: str = "study",
    maximize: bool = False,
    further: tuple[Any, ...] = (),
    lease: float = 30.0,
    **spec: Any,
) -> Study:
    """Make a study of ``objective`` in a file with this code, as ``launch`` does.

    Args:
        spec: Further fields of ``StudySpec``.
    """
    file = folder / f"{name}.py"
    file.write_text(textwrap.dedent(code))
    space, overrides = f"{file}:objective", spec.pop("overrides", ())
    arguments = spec.get("arguments", ())
    defaults: dict[str, Any] = {
        "sampler": "random",
        "pruner": NoPruning().to_dict(),
        "checkpoint_interval": 0.0,
        "objective": "value",
        "data": DataSpec(source=NO_DATA),
        "data_fingerprint": "",
    }
    definition = StudySpec(
        space=space,
        own_training=True,
        overrides=tuple(overrides),
        space_fingerprint=catalog.load(space, overrides, arguments).fingerprint(),
        artifacts=str(folder / "artifacts"),
        maximize=maximize,
        further=further,
        **{**defaults, **spec},
    )
    study = studies.create(
        store,
        name=name,
        spec=definition.to_dict(),
        budget=budget,
        lease_seconds=lease,
        maximize=maximize,
        further=[objective.maximize for objective in further],
    )
    Artifacts(definition.artifacts, study).mark()
    return study


def work(store: Store, study: Study, **options: Any) -> Worker:
    """Let a worker in this process do all there is to do."""
    worker = Worker(store, study, worker_id=str(uuid.uuid4()), device=Device(threads=1), **options)
    worker.run()
    return worker
