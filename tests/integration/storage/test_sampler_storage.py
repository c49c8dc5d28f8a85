"""What samplers see of a study, and that they can work with it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from storage import leases, trial_actions, trials
from storage.database.engine import Store
from storage.leases import Claim
from storage.outcomes import Outcome
from storage.sampling.sampler_storage import SamplerStorage
from storage.studies import Study
from tests.support.bulk_studies import SPACE, fill
from tests.support.stores import claim, complete, end, expire, failed, make, report

pytestmark = pytest.mark.mariadb

GRID = {
    "learning_rate": [1e-3, 1e-2],
    "dropout": [0.0, 0.25],
    "layers": [1, 2],
    "activation": ["relu", "tanh"],
}
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, group=True, n_startup_trials=3),
    "qmc": lambda seed: optuna.samplers.QMCSampler(seed=1, warn_asynchronous_seeding=False),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed, n_startup_trials=2),
    "grid": lambda seed: optuna.samplers.GridSampler(GRID, seed=1),
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    optuna.logging.set_verbosity(before)


@pytest.fixture(params=SAMPLERS.values(), ids=SAMPLERS)
def sampler(request: pytest.FixtureRequest) -> Callable[[int], BaseSampler]:
    """Makes a fresh sampler for each trial."""
    chosen: Callable[[int], BaseSampler] = request.param
    return chosen


def suggest(
    history: SamplerStorage, held: Claim, sampler: BaseSampler, fixed: dict[str, Any] | None = None
) -> trials.Suggestion:
    """Asks a sampler for every parameter, as a worker does."""
    history.begin(held.trial_id, fixed)
    study = optuna.Study(study_name=held.study.name, storage=history, sampler=sampler)
    trial = optuna.trial.Trial(study, held.trial_id)
    for name, distribution in SPACE.items():
        trial._suggest(name, distribution)
    return trials.Suggestion(
        hyperparameters=trial.params,
        params=trial.params,
        distributions=trial.distributions,
        attributes=history.attributes,
        seed=held.number,
    )


def begin(
    store: Store, history: SamplerStorage, held: Claim, sampler: BaseSampler
) -> dict[str, Any]:
    """Chooses the parameters of a trial; returns them."""
    suggestion = suggest(history, held, sampler)
    trials.begin(store, held, suggestion)
    return dict(suggestion.params)


def numbers(seen: list[FrozenTrial]) -> list[tuple[int, str]]:
    return [(trial.number, trial.state.name) for trial in seen]


def test_samplers_work_on_claimed_trials(store: Store, sampler: Callable[[int], BaseSampler]):
    """Two workers take turns, each with a history of its own; parameters lie in the space."""
    study = make(store, budget=12)
    histories = (SamplerStorage(store), SamplerStorage(store))
    chosen = []
    for number in range(12):
        held = claim(store, study)
        params = begin(store, histories[number % 2], held, sampler(number))
        chosen.append(tuple(params.values()))
        assert params.keys() == SPACE.keys()
        assert all(d._contains(d.to_internal_repr(params[n])) for n, d in SPACE.items())
        end(store, held, params["dropout"])
    assert len(set(chosen)) == 12
    stored = [tuple(t.params.values()) for t in store.optuna.get_all_trials(study.study_id)]
    assert stored == [pytest.approx(params) for params in chosen]


def test_samplers_work_on_trials_taken_over(store: Store, sampler: Callable[[int], BaseSampler]):
    """A worker died after it had claimed a trial: its heir chooses the parameters."""
    study = make(store, budget=6)
    for number in range(3):
        held = claim(store, study)
        end(store, held, begin(store, SamplerStorage(store), held, sampler(number))["dropout"])
    lost = claim(store, study)
    suggest(SamplerStorage(store), lost, sampler(lost.number))  # nothing of it was written
    expire(store, lost)
    heir = claim(store, study, "bob")
    assert (heir.trial_id, heir.hyperparameters) == (lost.trial_id, None)
    params = begin(store, SamplerStorage(store), heir, sampler(heir.number))
    assert store.optuna.get_trial(heir.trial_id).params == pytest.approx(params)


def test_a_grid_is_walked_once(store: Store):
    """Workers that take turns try each of its points once."""
    study = make(store, budget=16)
    histories = (SamplerStorage(store), SamplerStorage(store))
    chosen = set()
    for number in range(16):
        held = claim(store, study)
        params = begin(store, histories[number % 2], held, SAMPLERS["grid"](number))
        chosen.add(tuple(params.values()))
        end(store, held)
    assert len(chosen) == 16


def test_tpe_learns_the_same_as_from_optunas_own_storage(store: Store):
    """What is left out of the history (learning curves, times) makes no difference to it."""
    study = make(store, budget=100)
    fill(store, study, finished=60, dead=3)
    held = claim(store, study, "dead ones first")
    while held.hyperparameters is not None:
        held = claim(store, study)
    sampler = SAMPLERS["tpe"](7)
    proposed = suggest(SamplerStorage(store), held, sampler).params
    plain = optuna.load_study(
        study_name=study.name, storage=store.optuna, sampler=SAMPLERS["tpe"](7)
    )
    trial = optuna.trial.Trial(plain, held.trial_id)
    assert proposed == {name: trial._suggest(name, d) for name, d in SPACE.items()}


def test_infeasible_trials_teach(store: Store):
    """A failure that follows from the parameters looks pruned, with its constraint violated."""
    study = make(store, budget=9)
    for outcome in (failed("out_of_memory"), failed("error"), failed("lost"), complete(0.5)):
        leases.finish(store, claim(store, study), outcome)
    seen = SamplerStorage(store).get_all_trials(study.study_id)
    assert numbers(seen) == [(0, "PRUNED"), (1, "FAIL"), (2, "FAIL"), (3, "COMPLETE")]
    assert seen[0].constraints == {"out_of_memory": 1.0}
    assert store.optuna.get_trial(seen[0]._trial_id).state is TrialState.FAIL


def test_history_moves_on(store: Store):
    """Whatever changes between two looks is seen, and what did not change is still there."""
    study = make(store, budget=9)
    history, sampler = SamplerStorage(store), SAMPLERS["random"]

    def look() -> list[tuple[int, str]]:
        return numbers(history.get_all_trials(study.study_id))

    assert look() == []
    first, second = claim(store, study), claim(store, study)
    assert look() == [(0, "RUNNING"), (1, "RUNNING")]
    params = begin(store, SamplerStorage(store), first, sampler(1))
    assert history.get_all_trials(study.study_id)[0].params == pytest.approx(params)
    optuna.load_study(study_name=study.name, storage=store.optuna).enqueue_trial({"layers": 1})
    assert look()[2:] == [(2, "WAITING")]
    report(store, first, 1, 0.5)
    report(store, first, 2, 0.75)
    leases.finish(store, first, Outcome(state="pruned", value=0.5))
    assert look() == [(0, "PRUNED"), (1, "RUNNING"), (2, "WAITING")]
    pruned = history.get_all_trials(study.study_id)[0]
    assert (pruned.value, pruned.intermediate_values) == (0.5, {2: 0.75})
    assert pruned.params == pytest.approx(params)
    leases.finish(store, second, complete(0.25))
    assert claim(store, study).number == 2
    assert look() == [(0, "PRUNED"), (1, "COMPLETE"), (2, "RUNNING")]
    only = history.get_all_trials(study.study_id, states=(TrialState.COMPLETE,))
    assert [(trial.number, trial.values) for trial in only] == [(1, [0.25])]


def test_what_is_enqueued_is_suggested(store: Store):
    """Before what the worker itself would have fixed; other parameters are sampled."""
    study = make(store)
    trial_actions.enqueue(store, study, {"layers": 3})
    held = claim(store, study)
    history = SamplerStorage(store)
    chosen = suggest(history, held, SAMPLERS["random"](1), fixed={"layers": 1, "dropout": 0.125})
    assert chosen.params["layers"] == 3
    assert chosen.params.keys() == SPACE.keys()


def test_what_is_fixed_is_suggested(store: Store):
    """Sensible starting points are not sampled, and Optuna sees that they were fixed."""
    held = claim(store, make(store))
    chosen = suggest(
        SamplerStorage(store), held, SAMPLERS["tpe"](1), fixed={"layers": 2, "activation": "tanh"}
    )
    assert (chosen.params["layers"], chosen.params["activation"]) == (2, "tanh")
    trials.begin(store, held, chosen)
    kept = store.optuna.get_trial(held.trial_id).system_attrs["fixed_params"]
    assert kept == {"layers": 2, "activation": "tanh"}


@pytest.mark.parametrize(
    "write",
    [
        lambda history, _: history.create_new_study([optuna.study.StudyDirection.MINIMIZE]),
        lambda history, study: history.delete_study(study.study_id),
        lambda history, study: history.set_study_user_attr(study.study_id, "a", 1),
        lambda history, study: history.create_new_trial(study.study_id),
        lambda history, _: history.set_trial_state_values(1, TrialState.COMPLETE, [0.5]),
        lambda history, _: history.set_trial_intermediate_value(1, 1, 0.5),
        lambda history, _: history.set_trial_user_attr(1, "a", 1),
    ],
)
def test_a_sampler_changes_nothing(store: Store, write: Callable[[SamplerStorage, Study], object]):
    """A history is read; what was chosen is written elsewhere, behind the fence."""
    study = make(store)
    claim(store, study)
    with pytest.raises(PermissionError, match="does not change it"):
        write(SamplerStorage(store), study)
    (trial,) = store.optuna.get_all_trials(study.study_id)
    assert (trial.state, trial.user_attrs, trial.intermediate_values) == (
        TrialState.RUNNING,
        {},
        {},
    )


@pytest.mark.parametrize("size", [40, 400])
def test_reading_takes_few_statements(store: Store, size: int):
    """As many for a long past with many dead trials as for a short one."""
    study = make(store, budget=size)
    fill(store, study, finished=size // 2, dead=size // 2)
    history = SamplerStorage(store)
    statements: list[str] = []
    sa.event.listen(
        store.engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    assert len(history.get_all_trials(study.study_id)) == size
    assert len(statements) <= 6  # one of them is the BEGIN of SQLite
    statements.clear()
    assert len(history.get_all_trials(study.study_id)) == size
    assert len(statements) <= 3  # nothing happened in between
