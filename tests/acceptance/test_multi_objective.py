"""A study with several objectives, launched, worked on by two processes, and looked at."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from tests.support.terminal import Terminal
from tests.support.working import ONE_GRAPH

pytestmark = [pytest.mark.keras, pytest.mark.slow]

BUDGET, KEEP = 16, 2
OBJECTIVES = ("val_loss", "parameters", "latency", "val_accuracy")
LAUNCH = (
    "launch", "mlp", "--data", "digits", "--trials", str(BUDGET), "--workers", "2",
    "--keep", str(KEEP), "--pruner", "median", "--study", "s",
    *("--set", "units=8..256:log", "--set", "epochs=4", *ONE_GRAPH),
)  # fmt: skip


def test_two_workers_find_the_front_that_optuna_sees(tmp_path: Path):
    """The budget is exact, every complete trial has all values, and models of the front are kept.

    The sampler has to choose six trials by what it learnt, with pruned ones among it.
    """
    tuner = Terminal(tmp_path)
    launched = tuner(*LAUNCH, *(word for name in OBJECTIVES for word in ("--objective", name)))
    assert launched.returncode == 0, launched.stderr
    seen = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path}/tuner.db")
    assert [trial.number for trial in seen.trials] == list(range(BUDGET))
    assert {t.state for t in seen.trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert seen.metric_names == list(OBJECTIVES)
    for trial in seen.trials:
        assert (trial.values is None) == (trial.state == TrialState.PRUNED)

    found = tuner.json("best", "s")
    front = found["front"]
    assert {trial["number"] for trial in front} == {trial.number for trial in seen.best_trials}
    values = {t.number: dict(zip(OBJECTIVES, t.values, strict=True)) for t in seen.best_trials}
    assert all(trial["values"] == values[trial["number"]] for trial in front)
    for trial in front:
        measured, units = trial["values"], trial["params"]["units_0"]
        assert measured["parameters"] == 64 * units + units + units * 10 + 10
        assert measured["latency"] > 0
        assert measured["val_accuracy"] == trial["metrics"]["val_accuracy"]

    losses = [trial["value"] for trial in front]
    assert losses == sorted(losses)
    assert found["number"] == front[0]["number"]
    assert front[0]["model"]  # others may have come to their place when their models were gone
    kept = [trial["model"] for trial in tuner.json("trials", "s") if trial["model"]]
    assert sorted(kept) == sorted(map(str, tmp_path.glob("tuner-artifacts/*/models/*.keras")))
    assert len(kept) <= KEEP

    exported = tuner("export", "s", "model.keras")
    assert f"(trial {front[0]['number']})" in exported.stdout
    assert "of the Pareto front the one with the lowest validation loss" in exported.stderr
    card = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert card["objectives"] == front[0]["values"]
