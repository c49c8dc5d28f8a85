"""What is chosen ahead, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces import catalog
from storage import claiming, leases, trial_actions, trials
from storage.database.engine import open_store
from storage.leases import Claim
from storage.outcomes import Outcome
from storage.sampling.sampler_storage import IMAGINED
from storage.trials import Suggestion
from tests.support.stores import make
from tuner.datasets import DataSpec
from tuner.search import suggester
from tuner.search.pruners import PRUNERS
from tuner.search.suggester import Suggester
from tuner.studies.study_spec import StudySpec

SPACE = catalog.load("mlp")
STARTS = len(SPACE.starting_points())


class Bench:
    """A worker that trains nothing."""

    def __init__(self, folder: Path, **spec: object) -> None:
        self.store = open_store(f"sqlite:///{folder / 'store.db'}")
        self.study = make(self.store, budget=30)
        made = StudySpec(
            space="mlp",
            space_fingerprint="",
            data=DataSpec(source="digits"),
            data_fingerprint="",
            pruner=PRUNERS["none"].to_dict(),
            artifacts="",
            **spec,  # type: ignore[arg-type]
        )
        self.suggester = Suggester(self.store, self.study, made, SPACE)

    def claim(self) -> Claim:
        claim = claiming.claim(self.store, self.study, "ada")
        assert isinstance(claim, Claim)
        return claim

    def run(self, claim: Claim, suggestion: Suggestion | None = None) -> None:
        """One trial from its hyperparameters to its end."""
        trials.begin(self.store, claim, suggestion or self.suggest(claim))
        self.suggester.look_ahead(claim.number)
        leases.finish(self.store, claim, Outcome(state="complete", value=1 / (1 + claim.number)))

    def suggest(self, claim: Claim) -> Suggestion:
        trial = self.suggester.propose(claim)
        return Suggestion(
            hyperparameters=SPACE.suggest(trial),
            params=trial.params,
            distributions=trial.distributions,
            seed=0,
        )


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Choosing always takes too long there."""
    monkeypatch.setattr(suggester, "SHARE", 0.0)
    return Bench(tmp_path)


def begun(bench: Bench) -> Claim:
    """The claim after the starting points, which are never foreseen."""
    for _ in range(STARTS):
        claim = bench.claim()
        assert bench.suggester.prefetched(claim) is None
        bench.run(claim)
    return bench.claim()


def test_the_next_trial_is_chosen_during_this_one(bench: Bench):
    """It is a point of the space that nobody has tried, and is given out once."""
    claim = begun(bench)
    prefetched = bench.suggester.prefetched(claim)
    assert prefetched is not None
    assert SPACE.encode(prefetched.hyperparameters).keys() >= prefetched.params.keys()
    assert bench.suggester.prefetched(claim) is None
    bench.run(claim, prefetched)
    assert trials.find(bench.store, bench.study, claim.number).hyperparameters == dict(
        prefetched.hyperparameters
    )
    assert bench.suggester.prefetched(bench.claim()) is not None


def test_a_trial_that_somebody_enqueued_is_as_he_wants_it(bench: Bench):
    """What was chosen in advance is not used for it."""
    claim = begun(bench)
    bench.run(claim)
    trial_actions.enqueue(bench.store, bench.study, SPACE.encode({"batch_size": 128}))
    asked = bench.claim()
    assert bench.suggester.prefetched(asked) is None
    assert bench.suggest(asked).hyperparameters["batch_size"] == 128


def test_nothing_is_chosen_ahead_where_it_costs_little(tmp_path: Path):
    """The newest knowledge is worth more than a thousandth of a trial."""
    bench = Bench(tmp_path)
    for _ in range(STARTS + 2):
        claim = bench.claim()
        bench.suggester._prefetch.seconds = 0.0  # type: ignore[union-attr]
        assert bench.suggester.prefetched(claim) is None
        trials.begin(bench.store, claim, bench.suggest(claim))
        bench.suggester._prefetch.seconds = 0.0  # type: ignore[union-attr]
        bench.suggester.look_ahead(claim.number)
        leases.finish(bench.store, claim, Outcome(state="complete", value=1.0))


@pytest.mark.parametrize("spec", [{"sampler": "random"}, {"synchronous_reports": True}])
def test_where_order_was_asked_for_or_choosing_is_quick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: dict[str, object]
):
    """Then nothing is chosen in advance."""
    monkeypatch.setattr(suggester, "SHARE", 0.0)
    bench = Bench(tmp_path, **spec)
    claim = begun(bench)
    assert bench.suggester.prefetched(claim) is None


def test_an_imagined_trial_is_nowhere_in_the_store(bench: Bench):
    """Neither its number nor its id."""
    begun(bench)
    numbers = [t.number for t in trials.list_trials(bench.store, bench.study)]
    assert numbers == list(range(STARTS + 1))
    assert IMAGINED not in [t.trial_id for t in trials.list_trials(bench.store, bench.study)]
