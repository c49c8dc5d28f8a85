"""Finds and removes files that no row of the store points to."""

from __future__ import annotations

from collections.abc import Iterable

from storage import leases, overview, studies, trials
from storage.artifacts import Artifacts, folders
from storage.engine import Store
from storage.studies import Study

YOUNG = 3600.0  # seconds; a file this new may be on its way into the store


def clean(store: Store, places: Iterable[str] = (), *, dry_run: bool = False) -> list[str]:
    """Removes what belongs to no study.

    Args:
        places: Folders or URLs to look at, beside those of the store's studies.
        dry_run: Removes nothing.

    Returns:
        The files, or the folders of deleted studies, that were found.

    Raises:
        StoreError: A place cannot be read.
    """
    known = studies.list_studies(store)
    bases = {study.spec["artifacts"] for study in known} | set(places)
    found = [path for base in sorted(bases) for path in _deleted(base, known, dry_run)]
    for study in known:
        found += _stray(store, study, dry_run)
    return found


def sweep(store: Store, study: Study) -> None:
    """Removes what workers that died left of a study whose trials have all ended.

    Raises:
        StoreUnreachable: The store does not answer.
        OSError: The study's folder cannot be read.
    """
    artifacts = Artifacts(study.spec["artifacts"], study)
    files = artifacts.files(older_than=0.0)  # listed first: see below
    counts = overview.count(store, study)
    if counts.running == counts.waiting == 0:
        models = {t.model for t in trials.with_model(store, study)}
        artifacts.remove(path for path in files if path not in models)


def _deleted(base: str, known: list[Study], dry_run: bool) -> list[str]:
    """Folders of studies that this store does not have any more."""
    uuids = {study.uuid for study in known}
    gone = [folder for folder in folders(base, older_than=YOUNG) if folder.uuid not in uuids]
    for folder in gone:
        if not dry_run:
            folder.remove()
    return [folder.path for folder in gone]


def _stray(store: Store, study: Study, dry_run: bool) -> list[str]:
    artifacts = Artifacts(study.spec["artifacts"], study)
    # Listed first: a file that is pointed to in between is then known.
    files = artifacts.files(older_than=YOUNG)
    models = {t.model for t in trials.with_model(store, study)}
    pointed = models | leases.checkpoint_paths(store, study)
    stray = [path for path in files if path not in pointed]
    if not dry_run:
        artifacts.remove(stray)
    return stray
