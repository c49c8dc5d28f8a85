"""Commands for a whole store or machine: dashboard, migrate and doctor."""

from __future__ import annotations

import copy
import os
import sys
from pathlib import Path
from typing import Any

import click

from tuner.cli.common_options import command, json_option, opened, storage_option
from tuner.cli.printing import say


class _RegularFile(click.Path):
    """A file that is no pipe and no device: whoever opens one of those may wait for ever."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Returns the path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.is_file():
            self.fail(f"{path} is no file.", param, ctx)
        return path


READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
FILE = _RegularFile(exists=True, dir_okay=False, path_type=Path)


@command("tuner dashboard", "tuner dashboard --port 8090 --read-only")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--password-file",
    type=READABLE,
    help="File whose first line is the password; also taken from TUNER_DASHBOARD_PASSWORD.",
)
@click.option("--read-only", is_flag=True, help="Serve without buttons that change anything.")
@click.option("--certfile", type=FILE, help="TLS certificate in PEM, for https.")
@click.option(
    "--keyfile", type=FILE, help="Private key of the certificate, if it is in another file."
)
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

    password = find_password(password_file)
    with opened(storage) as store:
        serve(
            _CachedStorage(store.optuna),
            password=password,
            also_known_as=names,
            store=store,
            on_ready=lambda url: say(f"Dashboard: {url} (Ctrl-C ends it)"),
            **settings,
        )


@command("tuner migrate")
@storage_option
@json_option
def migrate(storage: str, as_json: bool) -> None:
    """Migrate the tables of a store to this version.

    Stop its workers before.
    """
    from storage.database.engine import upgrade as upgrade_store
    from tuner.cli import json_output

    before, after = upgrade_store(storage)
    if as_json:
        json_output.echo({"before": before, "after": after})
    elif before == after:
        say(f"The tables are of revision {after} already.")
    else:
        say(f"The tables were of revision {before} and are of {after} now.")


upgrade = copy.copy(migrate)  # its name in earlier versions
upgrade.name, upgrade.hidden = "upgrade", True


@command("tuner doctor", "tuner doctor --storage postgresql://user@host/database")
@click.option("--artifacts", metavar="PLACE", help="Folder or URL of models, as in launch.")
@storage_option
@json_option
def doctor(storage: str, artifacts: str | None, as_json: bool) -> None:
    """Look whether this machine, a store and a place for models are fit for tuning.

    Exit code 2 says that something is not.
    """
    from tuner.cli import json_output
    from tuner.cli.console import busy, output, table
    from tuner.study_setup.doctor import examine

    with busy("Looking ..."):
        findings = list(examine(storage, artifacts))
    if as_json:
        json_output.echo([vars(finding) for finding in findings])
    else:
        rows = table("what", "", "found", whole=("what",))
        for finding in findings:
            rows.add_row(finding.what, finding.state, finding.told)
        output().print(rows)
    if any(finding.state == "bad" for finding in findings):
        sys.exit(2)
