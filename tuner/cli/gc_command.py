"""The command that removes files which belong to no study: gc."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tuner.cli.common_options import command, json_option, opened, storage_option
from tuner.cli.printing import say
from tuner.cli.process_list import hide_places

if TYPE_CHECKING:
    from tuner.studies.garbage_collection import Leftovers


@command("tuner gc", "tuner gc --dry-run")
@click.option("--dry-run", is_flag=True, help="Remove nothing: show what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--artifacts",
    "folders",
    metavar="PLACE",
    multiple=True,
    callback=hide_places,
    help="A folder or URL to clean beside those of the store's studies.",
)
@storage_option
@json_option
def gc(dry_run: bool, yes: bool, folders: tuple[str, ...], storage: str, as_json: bool) -> None:
    """Remove files that belong to no study.

    These are folders of studies that were deleted, and checkpoints and models that no trial
    points to, left by workers that died between writing a file and saying so. Nothing that
    another store made, or that is younger than an hour, is touched. A store in a SQLite file knows
    its own folders on the machine alone that made them, as the file may be a copy: those that
    another machine made stay, run gc there. Of the data that workers of this machine share, those
    go that no worker took up within the last hour.

    At a terminal it asks before anything is removed.
    """
    from tuner.cli import json_output
    from tuner.datasets import cache_room
    from tuner.studies.garbage_collection import YOUNG

    leftovers = _find(storage, folders)
    removed = leftovers.paths + cache_room.clear(older_than=YOUNG, dry_run=True)
    if not dry_run:
        if removed and not yes and sys.stdin.isatty():
            _confirm(removed)
        leftovers.remove()
        cache_room.clear(older_than=YOUNG)
    if as_json:
        json_output.echo({"removed": removed, "dry_run": dry_run, "spared": leftovers.spared})
        return
    for path in removed:
        say(path)
    verb = "would be removed" if dry_run else "removed"
    say(f"{_count(removed, 'file')} {verb}.")
    if leftovers.spared:
        spared = _count(leftovers.spared, "folder")
        say(f"Left alone, as this store did not make them, or not on this machine: {spared}.")


def _find(storage: str, places: tuple[str, ...]) -> Leftovers:
    from tuner.studies.garbage_collection import find

    with opened(storage) as store:
        return find(store, places)


def _confirm(paths: list[str]) -> None:
    for path in paths:
        say(path, err=True)
    click.confirm(f"Remove {_count(paths, 'file')}?", abort=True, err=True)


def _count(paths: list[str], what: str) -> str:
    return f"{len(paths)} {what}{'' if len(paths) == 1 else 's'}"
