"""The command that removes files which belong to no study: gc."""

from __future__ import annotations

import click

from tuner.cli.options import command, json_option, opened, storage_option


@command("tuner gc", "tuner gc --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option(
    "--artifacts",
    "folders",
    metavar="PLACE",
    multiple=True,
    help="A folder or URL to clean beside those of the store's studies.",
)
@storage_option
@json_option
def gc(dry_run: bool, folders: tuple[str, ...], storage: str, as_json: bool) -> None:
    """Remove files that belong to no study.

    These are folders of studies that were deleted, and checkpoints and models that no trial
    points to, left by workers that died between writing a file and saying so. Of the data that
    workers of this machine share, those go that no worker took up within the last hour.
    """
    from tuner.cli import documents
    from tuner.datasets import shared
    from tuner.results.cleaning import YOUNG, clean

    with opened(storage) as store:
        removed = clean(store, folders, dry_run=dry_run)
    removed += shared.clear(older_than=YOUNG, dry_run=dry_run)
    if as_json:
        documents.echo({"removed": removed, "dry_run": dry_run})
        return
    for path in removed:
        click.echo(path)
    told = "would be removed" if dry_run else "removed"
    click.echo(f"{len(removed)} {'file' if len(removed) == 1 else 'files'} {told}.")
