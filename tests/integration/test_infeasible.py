"""A sampler keeps away from what cannot be trained: kinds of failure teach it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from storage import claiming, leases, trials
from storage.database.engine import Store, open_store
from storage.leases import Claim
from storage.outcomes import Failure, Outcome
from storage.sampling.sampler_storage import SamplerStorage
from storage.studies import Study
from storage.trials import Suggestion
from tests.support.stores import make
from tuner.search import samplers

TRIALS, LAST = 60, 40
SEEDS = (1, 2, 3, 4)
BORDER = 0.66  # beyond it, in a third of the space, nothing can be trained


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("store")
    opened = open_store(f"sqlite:///{folder / 'store.db'}")
    yield opened
    opened.close()


def _ask(
    store: Store, study: Study, history: SamplerStorage, seed: int
) -> tuple[Claim, dict[str, float]]:
    """Claim a trial and let the sampler choose, as a worker does."""
    claim = claiming.claim(store, study, "worker")
    assert isinstance(claim, Claim)
    trial_seed = samplers.trial_seed(seed, claim.number)
    history.begin(claim.trial_id)
    history.get_all_trials(study.study_id, deepcopy=False)
    seen = optuna.Study(study.name, history, sampler=samplers.make("tpe", trial_seed))
    trial = optuna.trial.Trial(seen, claim.trial_id)
    params = {name: trial.suggest_float(name, 0, 1) for name in "xyz"}
    chosen = Suggestion(
        hyperparameters=params,
        params=params,
        distributions=trial.distributions,
        attributes=history.attributes,
        seed=trial_seed,
    )
    trials.begin(store, claim, chosen)
    return claim, params


def _wasted(store: Store, kind: str, seed: int) -> int:
    """How many of a study's last trials failed, if failures are of this kind.

    The loss falls towards the border, so that a sampler is drawn to it.
    """
    study = make(store, f"{kind}-{seed}", budget=TRIALS)
    history, failed = SamplerStorage(store), []
    for number in range(TRIALS):
        claim, at = _ask(store, study, history, seed)
        if at["x"] > BORDER:
            failed.append(number)
            failure = Failure(kind=kind, message="no", traceback=f"line {number}")
            leases.finish(store, claim, Outcome(state="failed", failure=failure))
            continue
        loss = -at["x"] + (at["y"] - 0.3) ** 2 + (at["z"] - 0.5) ** 2
        leases.finish(store, claim, Outcome(state="complete", value=loss))
    return sum(number >= TRIALS - LAST for number in failed)


def test_half_as_many_trials_are_wasted(store: Store):
    """Of the last 40 trials at most half as many fail as with failures that teach nothing."""
    taught = sum(_wasted(store, "out_of_memory", seed) for seed in SEEDS)
    plain = sum(_wasted(store, "ended", seed) for seed in SEEDS)
    assert plain > len(SEEDS) * LAST / 2, "the sampler is not drawn to where trials fail"
    assert 2 * taught <= plain, f"{taught} against {plain} of {len(SEEDS) * LAST}"
