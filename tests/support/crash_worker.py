"""A worker without training that is killed before a statement of its own, at random.

It claims, suggests, reports, rests and ends trials as a worker does.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import warnings
from contextlib import suppress
from typing import Any

import optuna
import sqlalchemy as sa

from storage import claiming, leases, reports, studies, trials
from storage.claiming import StudyOver
from storage.database.engine import Store, open_store
from storage.errors import LeaseLost, StoreUnreachable
from storage.leases import Checkpoint, Claim
from storage.outcomes import Outcome
from storage.pruning import PromotionRule
from storage.sampling.sampler_storage import SamplerStorage
from storage.trials import Suggestion
from tests.support.bulk_studies import SPACE

EPOCHS = 3
LIFE = (20, 260)  # statements and commits until it dies
PAUSE = 0.1  # seconds between two claims while there is nothing to do
RULE = PromotionRule(warmup=1, reduction=3, rest=30)  # a third passes the first epoch


def loss(params: dict[str, Any], epoch: int) -> float:
    """The same for every attempt at a trial, lower from epoch to epoch."""
    return float(params["dropout"]) + 1 / epoch


def mortal(store: Store, seed: int) -> None:
    """Lets this process die before one of its statements or commits."""
    left = random.Random(seed).randrange(*LIFE)

    def tick(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(store.engine, "before_cursor_execute", tick)
    sa.event.listen(store.engine, "commit", tick)


def work(store: Store, study: studies.Study) -> None:
    """Works until the study is over."""
    name, history = f"worker {os.getpid()}", SamplerStorage(store)
    while True:
        with suppress(LeaseLost, StoreUnreachable):
            answer = claiming.claim(store, study, name)
            if isinstance(answer, StudyOver):
                return
            if isinstance(answer, Claim):
                run(store, history, answer)
            else:
                threading.Event().wait(PAUSE)


def run(store: Store, history: SamplerStorage, held: Claim) -> None:
    """One trial: goes on after the last epoch that was checkpointed."""
    params = held.hyperparameters or begin(store, history, held)
    done = held.checkpoints[0].epoch if held.checkpoints else 0
    for epoch in range(done + 1, EPOCHS + 1):
        value = loss(params, epoch)
        rejected = reports.write_report(
            store, held, epoch=epoch, value=value, metrics={"val_loss": value}, rule=RULE
        )
        checkpoint = Checkpoint(path=f"{held.number}-{held.token}-{epoch}", sha256="", epoch=epoch)
        leases.keep_checkpoints(store, held, [checkpoint])
        if rejected and epoch < EPOCHS:
            leases.rest(store, held, Outcome(state="pruned", value=value), keep=RULE.rest)
            return
    leases.finish(store, held, Outcome(state="complete", value=loss(params, EPOCHS)))


def begin(store: Store, history: SamplerStorage, held: Claim) -> dict[str, Any]:
    """Chooses the parameters of a trial."""
    history.begin(held.trial_id)
    sampler = optuna.samplers.TPESampler(seed=held.number, group=True)
    trial = optuna.trial.Trial(
        optuna.Study(study_name=held.study.name, storage=history, sampler=sampler), held.trial_id
    )
    for name, distribution in SPACE.items():
        trial._suggest(name, distribution)
    suggestion = Suggestion(
        hyperparameters=trial.params,
        params=trial.params,
        distributions=trial.distributions,
        attributes=history.attributes,
        seed=held.number,
    )
    trials.begin(store, held, suggestion)
    return dict(trial.params)


def main(url: str, name: str, seed: int) -> None:
    """Works on a study.

    Args:
        seed: From it follows before which statement or commit the process kills itself, as
            ``kill -9`` would: within a claim, a report, an end.
    """
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    store = open_store(url, create=False)
    study = studies.load(store, name)
    mortal(store, seed)
    work(store, study)
    store.close()
