"""Commands that change a study: pause, stop, resume, extend and delete."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tuner.cli.options import (
    More,
    command,
    json_option,
    opened,
    storage_option,
    study_argument,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.engine import Store
    from storage.studies import Study


@command("tuner pause mlp-digits")
@study_argument
@storage_option
@json_option
def pause(study: str, storage: str, as_json: bool) -> None:
    """Pause a study: its trials are given back, its workers wait."""
    from storage import studies

    paused = _change(storage, study, studies.pause)
    _answer(paused, as_json, f"is paused; go on with: tuner resume {study}")


@command("tuner stop mlp-digits")
@study_argument
@storage_option
@json_option
def stop(study: str, storage: str, as_json: bool) -> None:
    """Stop a study: its trials are given back, its workers exit."""
    from storage import studies

    stopped = _change(storage, study, studies.stop)
    _answer(stopped, as_json, f"is stopped; go on with: tuner resume {study}")


@command("tuner resume mlp-digits")
@study_argument
@storage_option
@json_option
def resume(study: str, storage: str, as_json: bool) -> None:
    """Go on with a study that was paused or stopped.

    Workers that wait go on by themselves; others are started by tuner worker.
    """
    from storage import studies

    resumed = _change(storage, study, studies.resume)
    _answer(resumed, as_json, f"goes on; for workers: tuner worker {study}")


@command("tuner extend mlp-digits --trials +50")
@study_argument
@click.option("--trials", type=More(), required=True, help="How many more, such as +50.")
@storage_option
@json_option
def extend(study: str, trials: int, storage: str, as_json: bool) -> None:
    """Give a study more trials, also after it has finished."""
    from tuner import extending

    extended = _change(storage, study, lambda store, it: extending.extend(store, it, by=trials))
    told = f"has {extended.budget} trials now; for workers: tuner worker {study}"
    _answer(extended, as_json, told)


@command("tuner delete mlp-digits --yes")
@study_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@storage_option
@json_option
def delete(study: str, yes: bool, storage: str, as_json: bool) -> None:
    """Delete a study with its trials, models and checkpoints."""
    from storage import overview, studies
    from tuner.cli import documents

    with opened(storage) as store:
        found = studies.load(store, study)
        if not yes:
            _confirm(study, overview.count(store, found).ended)
        studies.delete(store, found)
    _remove_files(found)
    if as_json:
        documents.echo({"study": study, "deleted": True})
    else:
        click.echo(f"Study {study} is deleted.")


def _change(storage: str, name: str, change: Callable[[Store, Study], Study]) -> Study:
    from storage import overview, studies
    from tuner.notes import Notes

    with opened(storage) as store:
        changed = change(store, studies.load(store, name))
        Notes(store, changed).update(overview.status(store, changed), now=True)
        return changed


def _answer(study: Study, as_json: bool, told: str) -> None:
    from tuner.cli import documents

    if as_json:
        documents.echo(
            {
                "study": study.name,
                "state": study.state,
                "reason": study.reason,
                "budget": study.budget,
            }
        )
    else:
        click.echo(f"Study {study.name} {told}")


def _confirm(study: str, ended: int) -> None:
    from tuner.errors import UserError

    if not sys.stdin.isatty():
        raise UserError(
            f"Expected somebody to confirm that {study!r} is deleted with {ended} ended trials. "
            "Received: no terminal: add --yes."
        )
    question = f"Delete {study} with {ended} ended trials, its models and checkpoints?"
    click.confirm(question, abort=True, err=True)


def _remove_files(study: Study) -> None:
    """The study is gone already: files that cannot be removed are only spoken of."""
    from storage.artifacts import Artifacts
    from storage.errors import StoreError

    folder = study.spec["artifacts"]
    try:
        Artifacts(folder, study).remove_all()
    except (OSError, StoreError) as e:
        click.echo(f"Its files in {folder} could not be removed: {e}", err=True)
