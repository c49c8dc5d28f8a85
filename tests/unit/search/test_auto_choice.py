"""What `auto` is for a study, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces import catalog
from storage import claiming, leases, trial_actions, trials
from storage.database.engine import open_store
from storage.leases import Claim
from storage.outcomes import Outcome
from storage.trials import Suggestion
from tests.support.stores import make
from tuner.datasets import DataSpec
from tuner.search.auto_choice import MANY, TINY, auto_choice, choice_line, count_tiny
from tuner.search.pruners import PRUNERS
from tuner.search.suggester import Suggester
from tuner.studies.study_spec import StudySpec

LISTED = ("layers=1", "units=8,16,32", "dropout=0", "optimizer=adam", "schedule=constant",
          "activation=relu,tanh", "normalization=none", "penalty=0", "batch_size=16",
          "beta_1=0.9", "beta_2=0.9", "amsgrad=false", "learning_rate=0.01,0.1", "epochs=5",
          "clipping=none")  # fmt: skip


def test_it_says_why():
    """One line for each case."""
    several = auto_choice(objectives=2, trials=0)
    assert several.line == "tpe (the study has 2 objectives)"
    one = auto_choice(objectives=1, trials=MANY - 1)
    assert one.line == "gp, every 4th trial tpe (one objective and fewer than 1,000 trials)"
    assert auto_choice(objectives=1, trials=MANY).samplers == ("tpe",)
    tiny = auto_choice(objectives=2, trials=5, tiny_points=6)
    assert tiny.line == "grid (the space has 6 points: all are tried in turn)"
    assert auto_choice(objectives=1, trials=6, tiny_points=6) == auto_choice(objectives=1, trials=6)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"sampler": "tpe"}, None),
        ({}, None),
        ({"sampler": "auto"}, "gp, every 4th"),
        ({"sampler": "auto", "further": {"parameters": "min"}}, "tpe (the study has 2"),
        ({"sampler": "auto", "tiny_points": 12}, "grid (the space has 12"),
    ],
)
def test_a_study_is_told_from_its_definition(spec: dict[str, object], words: str | None):
    """Also one of a version that knew no tiny spaces."""
    line = choice_line(spec, 3)
    assert line is None if words is None else (line or "").startswith(words)


def test_a_tiny_space_is_one_of_few_points():
    """Ranges have no end."""
    assert count_tiny(catalog.load("mlp", LISTED)) == 12
    assert count_tiny(catalog.load("mlp", [*LISTED[:-2], "epochs=5..9", LISTED[-1]])) is None
    many = ",".join(str(n) for n in range(1, TINY + 2))
    assert count_tiny(catalog.load("mlp", [*LISTED[:-2], f"epochs={many}", LISTED[-1]])) is None
    assert count_tiny(catalog.load("mlp")) is None


@pytest.mark.parametrize("past", [0, 2])
def test_every_point_of_a_tiny_space_is_tried_once(tmp_path: Path, past: int):
    """Also where past points come first, which are points of it; then some come again."""
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    space, study = catalog.load("mlp", LISTED), make(store, budget=13)
    spec = StudySpec(
        space="mlp",
        space_fingerprint="",
        data=DataSpec(source="digits"),
        data_fingerprint="",
        pruner=PRUNERS["none"].to_dict(),
        artifacts="",
        sampler="auto",
        tiny_points=12,
        seed=3,
    )
    points = list(space.grid())
    first = [space.encode(point) for point in points[:past]]
    trial_actions.enqueue_past(store, study, first)
    suggester = Suggester(store, study, spec, space)
    tried = []
    for _ in range(13):
        claim = claiming.claim(store, study, "ada")
        assert isinstance(claim, Claim)
        trial = suggester.propose(claim)
        hyperparameters = space.suggest(trial)
        chosen = Suggestion(
            hyperparameters=hyperparameters,
            params=trial.params,
            distributions=trial.distributions,
            seed=0,
        )
        trials.begin(store, claim, chosen)
        leases.finish(store, claim, Outcome(state="complete", value=1.0))
        tried.append(str(hyperparameters))
    store.close()
    assert tried[:past] == [str(point) for point in points[:past]]
    assert sorted(tried[:12]) == sorted(map(str, points))
    assert tried[12] in tried[:12]
