"""Commands that change a study: pause, stop, resume, extend and delete."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tuner.cli.common_options import (
    More,
    command,
    json_option,
    opened,
    storage_option,
    study_argument,
)
from tuner.cli.printing import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.database.engine import Store
    from storage.studies import Study


@command("tuner pause mlp-digits")
@study_argument
@storage_option
@json_option
def pause(study: str, storage: str, as_json: bool) -> None:
    """Pause a study: its trials are given back, its workers wait."""
    from storage import study_states

    paused = _change(storage, study, study_states.pause)
    _answer(paused, as_json, f"is paused; go on with: tuner resume {paused.typed}")


@command("tuner stop mlp-digits")
@study_argument
@storage_option
@json_option
def stop(study: str, storage: str, as_json: bool) -> None:
    """Stop a study: its trials are given back, its workers exit."""
    from storage import study_states

    stopped = _change(storage, study, study_states.stop)
    _answer(stopped, as_json, f"is stopped; go on with: tuner resume {stopped.typed}")


@command("tuner resume mlp-digits")
@study_argument
@storage_option
@json_option
def resume(study: str, storage: str, as_json: bool) -> None:
    """Go on with a study that was paused or stopped.

    Workers that wait go on by themselves; others are started by tuner worker.
    """
    from storage import study_states

    resumed = _change(storage, study, study_states.resume)
    _answer(resumed, as_json, f"goes on; for workers: tuner worker {resumed.typed}")


@command("tuner extend mlp-digits --trials +50")
@study_argument
@click.option("--trials", type=More(), required=True, help="How many more, such as +50.")
@storage_option
@json_option
def extend(study: str, trials: int, storage: str, as_json: bool) -> None:
    """Give a study more trials, also after it has finished."""
    from tuner.study_setup import extend_study

    extended = _change(storage, study, lambda store, it: extend_study.extend(store, it, by=trials))
    effect = f"has {extended.budget} trials now; for workers: tuner worker {extended.typed}"
    _answer(extended, as_json, effect)


@command("tuner delete mlp-digits --yes")
@study_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@storage_option
@json_option
def delete(study: str, yes: bool, storage: str, as_json: bool) -> None:
    """Delete a study with its trials, models and checkpoints."""
    from storage import overview, studies
    from tuner.cli import json_output

    with opened(storage) as store:
        stored_study = studies.load(store, study)
        if not yes:
            _confirm(study, overview.count(store, stored_study).ended)
        studies.delete(store, stored_study)
    _remove_files(stored_study)
    if as_json:
        json_output.echo({"study": study, "deleted": True})
    else:
        say(f"Study {study} is deleted.")


def _change(storage: str, name: str, change: Callable[[Store, Study], Study]) -> Study:
    from storage import studies
    from tuner.monitoring import study_notes

    with opened(storage) as store:
        changed = change(store, studies.load(store, name))
        study_notes.renew(store, changed)
        return changed


def _answer(study: Study, as_json: bool, effect: str) -> None:
    from tuner.cli import json_output

    if as_json:
        json_output.echo(
            {
                "study": study.name,
                "state": study.state,
                "reason": study.reason,
                "budget": study.budget,
            }
        )
    else:
        say(f"Study {study.name} {effect}")


def _confirm(study: str, ended: int) -> None:
    from tuner.control_characters import escape
    from tuner.errors import UserError

    if not sys.stdin.isatty():
        raise UserError(
            f"Expected somebody to confirm that {study!r} is deleted with {ended} ended trials. "
            "Received: no terminal: add --yes."
        )
    question = f"Delete {study} with {ended} ended trials, its models and checkpoints?"
    click.confirm(escape(question), abort=True, err=True)


def _remove_files(study: Study) -> None:
    """The study is gone already: files that cannot be removed are only spoken of."""
    from storage.errors import StoreError
    from storage.files.artifacts import Artifacts

    folder = study.spec["artifacts"]
    try:
        Artifacts(folder, study).remove_all()
    except (OSError, StoreError) as e:
        say(f"Its files in {folder} could not be removed: {e}", err=True)
