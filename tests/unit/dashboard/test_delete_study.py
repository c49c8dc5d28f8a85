"""A study deleted on the dashboard whose files cannot be removed: its log says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages._cached_storage import _CachedStorage

from storage import studies
from storage.database.engine import open_store
from storage.files.artifacts import MARKER, Artifacts
from tests.support.asgi import client
from tuner.dashboard.app import application
from tuner.dashboard.hosts import Hosts


def test_files_that_stay_are_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a marker nobody knows which store they are of."""
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    spec = {"artifacts": str(tmp_path / "files")}
    study = studies.create(store, name="unmarked", spec=spec, budget=1)
    Artifacts(study.spec["artifacts"], study).mark()
    (marker,) = (tmp_path / "files").rglob(MARKER)
    marker.unlink()
    app = application(
        _CachedStorage(store.optuna),
        hosts=Hosts.of("localhost", 8080),
        artifacts=FileSystemArtifactStore(tmp_path),
        store=store,
    )
    with client(app) as opened:
        answer = opened.request("DELETE", f"/api/studies/{study.study_id}")
    assert answer.status_code == 204
    assert studies.list_studies(store) == []
    assert marker.parent.exists()
    assert f"Files of the deleted study {study.name} in {tmp_path / 'files'} were not removed" in (
        caplog.text
    )
