"""Commands for a whole store: dashboard and upgrade."""

from __future__ import annotations

import click

from tuner.cli.options import command, json_option, opened, storage_option


@command("tuner dashboard --port 8090")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Where to listen; 0 takes a free port.",
)
@storage_option
def dashboard(host: str, port: int, storage: str) -> None:
    """Serve Optuna's dashboard of a store on this machine."""
    from optuna.storages._cached_storage import _CachedStorage

    from tuner.dashboard import serve

    with opened(storage) as store:
        serve(_CachedStorage(store.optuna), host=host, port=port)


@command("tuner upgrade")
@storage_option
@json_option
def upgrade(storage: str, as_json: bool) -> None:
    """Bring the tables of a store to this version.

    Stop its workers before.
    """
    from storage.engine import upgrade as upgrade_store
    from tuner.cli import documents

    before, after = upgrade_store(storage)
    if as_json:
        documents.echo({"before": before, "after": after})
    elif before == after:
        click.echo(f"The tables are of revision {after} already.")
    else:
        click.echo(f"The tables were of revision {before} and are of {after} now.")
