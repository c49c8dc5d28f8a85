"""Finds and removes files that no row of the store points to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from storage import leases, overview, studies, trial_writes, trials
from storage.database import store_identity
from storage.database.engine import Store
from storage.files import scratch
from storage.files.artifacts import Artifacts
from storage.files.study_folders import folders
from storage.studies import Study
from tuner.datasets import array_store

YOUNG = 3600.0  # seconds; a file this new may be on its way into the store


@dataclass(frozen=True)
class Leftover:
    """A file or folder that belongs to no study, and how it is removed."""

    path: str
    remove: Callable[[], None]


@dataclass
class Leftovers:
    """What ``find`` found.

    Attributes:
        found: What may go.
        spared: Folders of studies that this store does not know, made by another one or by
            nobody knows which: they stay.
    """

    found: list[Leftover] = field(default_factory=list)
    spared: list[str] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """Of what may go."""
        return [leftover.path for leftover in self.found]

    def remove(self) -> None:
        """Removes what was found; what cannot be removed stays."""
        for leftover in self.found:
            with suppress(OSError):
                leftover.remove()


def clean(store: Store, places: Iterable[str] = (), *, dry_run: bool = False) -> list[str]:
    """Finds what belongs to no study and removes it, unless ``dry_run``: see ``find``."""
    leftovers = find(store, places)
    if not dry_run:
        leftovers.remove()
    return leftovers.paths


def find(store: Store, places: Iterable[str] = ()) -> Leftovers:
    """Finds what belongs to no study, and was certainly made by this store.

    Args:
        places: Folders or URLs to look at, beside those of the store's studies.

    Raises:
        StoreError: A place cannot be opened.
        OSError: It cannot be read.
    """
    with store.read() as c:
        mine = store_identity.of_store(store, c)
    bases = {study.spec["artifacts"] for study in studies.list_studies(store)} | set(places)
    # Listed first: a study that is made in between is then known.
    there = {folder.path: folder for base in sorted(bases) for folder in folders(base)}
    all_studies = studies.list_studies(store)
    uuids = {study.uuid for study in all_studies}
    leftovers = Leftovers()
    for folder in (folder for folder in there.values() if folder.uuid not in uuids):
        if mine is None or not mine.made(folder.origin):
            leftovers.spared.append(folder.path)
        elif folder.is_old(YOUNG):
            leftovers.found.append(Leftover(folder.path, folder.remove))
    for study in all_studies:
        leftovers.found += _strays(store, study, older_than=YOUNG)
    places_of_moments = [None, *(f"{base}/{array_store.FOLDER}" for base in sorted(bases))]
    for place in places_of_moments:
        leftovers.found += _moments(scratch.left(place, older_than=YOUNG))
    return leftovers


def sweep(store: Store, study: Study) -> None:
    """Removes what workers that died, or trials that rested, left of a study that is over.

    Its trials must all have ended: files of those that wait or rest are needed.

    Raises:
        StoreUnreachable: The store does not answer.
        OSError: The study's folder cannot be read.
    """
    artifacts = Artifacts(study.spec["artifacts"], study)
    files, drafts = artifacts.files(older_than=0.0), artifacts.drafts(older_than=0.0)  # first
    counts = overview.count(store, study)
    if counts.running == counts.waiting == counts.resting == 0 and artifacts.may_be_ours():
        pointed = _finished_files(store, study)
        artifacts.remove(path for path in files if path not in pointed)
        scratch.remove(drafts)


def _strays(store: Store, study: Study, *, older_than: float) -> Iterator[Leftover]:
    """Files in a study's own folder that no trial points to."""
    artifacts = Artifacts(study.spec["artifacts"], study)
    if not artifacts.is_certainly_ours():
        return
    # Listed first: a file that is pointed to in between is then known.
    files = artifacts.files(older_than=older_than)
    drafts = artifacts.drafts(older_than=older_than)
    pointed = _finished_files(store, study) | leases.checkpoint_paths(store, study)
    for path in files:
        if path not in pointed:
            yield Leftover(path, partial(artifacts.remove, [path]))
    yield from _moments(drafts)


def _finished_files(store: Store, study: Study) -> set[str]:
    """Models, and files that the trials' code has logged."""
    models = {t.model for t in trials.with_model(store, study) if t.model is not None}
    logged = trial_writes.files(store, study).values()
    return models | {file.path for files in logged for file in files}


def _moments(left: Iterable[Path]) -> list[Leftover]:
    """Folders of a moment that killed processes left behind."""
    return [Leftover(str(path), partial(scratch.remove, [path])) for path in left]
