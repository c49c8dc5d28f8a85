"""Commands for a whole store or machine: dashboard, upgrade and doctor."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from tuner.cli.options import command, json_option, opened, storage_option
from tuner.exits import URL_VARIABLE

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@command("tuner dashboard", "tuner dashboard --port 8090 --read-only")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Where to listen; 0 takes a free port.",
)
@click.option(
    "--password-file",
    type=FILE,
    help="Its first line is asked of everybody; also taken from TUNER_DASHBOARD_PASSWORD.",
)
@click.option("--read-only", is_flag=True, help="Let nobody change anything.")
@click.option("--certfile", type=FILE, help="Certificate in PEM, for https.")
@click.option("--keyfile", type=FILE, help="Its private key, if that is in another file.")
@click.option(
    "--name",
    "names",
    metavar="HOST",
    multiple=True,
    help="Answer to this name too, such as that of a proxy.",
)
@storage_option
def dashboard(
    storage: str, password_file: Path | None, names: tuple[str, ...], **settings: Any
) -> None:
    """Serve Optuna's dashboard of a store on this machine.

    Other machines reach it only with a password, and at an address that --host names. Prometheus
    finds its metrics at /metrics and sends the password as a bearer token.
    """
    from optuna.storages._cached_storage import _CachedStorage

    from tuner.dashboard import find_password, serve
    from tuner.metrics import metrics

    _hide_password(storage)
    password = find_password(password_file)
    with opened(storage) as store:
        serve(
            _CachedStorage(store.optuna),
            password=password,
            also_known_as=names,
            metrics=metrics(store),
            store=store,
            on_ready=lambda url: click.echo(f"Dashboard: {url} (Ctrl-C ends it)"),
            **settings,
        )


def _hide_password(storage: str) -> None:
    """Begins anew with the store's address in the environment, if it was typed with a password.

    A dashboard runs for weeks, and the process list shows arguments to everybody.
    """
    from storage import url

    typed = click.get_current_context().get_parameter_source("storage")
    if typed is not click.core.ParameterSource.COMMANDLINE or not url.parse(storage).password:
        return
    words = [word for word in sys.orig_argv[1:] if word != f"--storage={storage}"]
    if "--storage" in words:
        place = words.index("--storage")
        del words[place : place + 2]
    os.execve(sys.executable, [sys.executable, *words], {**os.environ, URL_VARIABLE: storage})


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


@command("tuner doctor", "tuner doctor --storage postgresql://user@host/database")
@click.option("--artifacts", metavar="PLACE", help="Folder or URL of models, as in launch.")
@storage_option
@json_option
def doctor(storage: str, artifacts: str | None, as_json: bool) -> None:
    """Look whether this machine, a store and a place for models are fit for tuning.

    Exit code 2 says that something is not.
    """
    from tuner.cli import documents
    from tuner.cli.screen import busy, output, table
    from tuner.doctor import examine

    with busy("Looking ..."):
        findings = list(examine(storage, artifacts))
    if as_json:
        documents.echo([vars(finding) for finding in findings])
    else:
        rows = table("what", "", "found", whole=("what",))
        for finding in findings:
            rows.add_row(finding.what, finding.state, finding.told)
        output().print(rows)
    if any(finding.state == "bad" for finding in findings):
        sys.exit(2)
