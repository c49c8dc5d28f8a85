"""Launching makes a study, goes on with it, and leaves nothing behind where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import studies
from storage.artifacts import Artifacts
from storage.engine import open_store
from storage.errors import StoreError
from tests.support.trials import begin, complete
from tests.unit.cli.conftest import Launched, Typed
from tuner.datasets import DataSpec
from tuner.launching import Request
from tuner.study import StudySpec

LAUNCH = ("launch", "mlp", "--data", "digits", "--workers", "0")


def test_the_definition_is_in_the_store(tuner: Typed):
    """Everything that a worker needs, with absolute paths."""
    typed = (
        *LAUNCH, "--study", "mine", "--set", "units=8..16", "--sampler", "random",
        "--pruner", "asha", "--seed", "3", "--epoch-patience", "5", "--trial-timeout", "1m30s",
        "--keep", "2", "--synchronous-reports", "--study-timeout", "2h", "--target-loss", "0.5",
        "--study-patience", "7", "--lease", "9s", "--trials", "11", "--precision", "bfloat16",
    )  # fmt: skip
    assert tuner(*typed).exit_code == 0
    store = open_store("sqlite:///tuner.db", create=False)
    study = studies.load(store, "mine")
    store.close()
    spec = StudySpec.from_dict(study.spec)
    assert (study.budget, study.lease_seconds) == (11, 9.0)
    assert study.limits == studies.Limits(target=0.5, patience=7, timeout=7200.0)
    assert (spec.space, spec.overrides, spec.sampler) == ("mlp", ("units=8..16",), "random")
    assert (spec.pruner.kind, spec.seed, spec.epoch_patience) == ("asha", 3, 5)
    assert (spec.trial_timeout, spec.keep, spec.synchronous_reports) == (90.0, 2, True)
    assert spec.precision == "mixed_bfloat16"  # which Keras calls so
    assert spec.artifacts == str(tuner.folder / "tuner-artifacts")
    Artifacts(spec.artifacts, study).check()


@pytest.mark.parametrize(
    ("space", "source", "name"),
    [
        ("mlp", "breast-cancer", "mlp-breast-cancer"),
        ("folder/net.py:build", "data/house prices.csv", "net-house-prices"),
        ("package.module:Net", "my/data.py:load", "Net-data"),
    ],
)
def test_a_study_is_named_after_its_space_and_data(space: str, source: str, name: str):
    """Of files the stem, so that it can be typed."""
    assert Request(space=space, data=DataSpec(source=source)).study == name


def test_launching_again_goes_on(launched: Launched, tuner: Typed):
    """Options that are left out take the study's own values."""
    assert "goes on, 4 trials" in tuner(*LAUNCH).stdout
    assert studies.load(launched.store, "mlp-digits") == launched.study


def test_launching_again_after_an_extension_goes_on(launched: Launched, tuner: Typed):
    """The budget is no part of the definition."""
    tuner("extend", "mlp-digits", "--trials", "+6")
    assert "goes on, 10 trials" in tuner(*LAUNCH).stdout


@pytest.mark.parametrize("command", ["pause", "stop"])
def test_launching_again_resumes(launched: Launched, tuner: Typed, command: str):
    """Whoever launches wants it to go on."""
    assert tuner(command, "mlp-digits").exit_code == 0
    assert "resumed" in tuner(*LAUNCH).stdout
    assert studies.load(launched.store, "mlp-digits").state == "running"


def test_a_finished_study_is_shown_with_its_result(launched: Launched, tuner: Typed):
    """Even where workers are asked for: there is nothing to do for them."""
    for loss in (0.4, 0.3, 0.2, 0.1):
        complete(launched.store, begin(launched.store, launched.study), [loss])
    result = tuner("launch", "mlp", "--data", "digits", "--workers", "2")
    assert result.exit_code == 0
    assert "finished before" in result.stdout
    assert "Best: trial 3, validation loss 0.1" in result.stdout
    assert "tuner dashboard" in result.stdout


def test_json_is_the_status_with_the_whole_best_trial(launched: Launched, tuner: Typed):
    """One object on standard output; all else is on standard error."""
    complete(launched.store, begin(launched.store, launched.study), [0.4], model="/m.keras")
    document = tuner.json(*LAUNCH)
    assert document["trials"]["complete"] == 1
    assert document["best"]["model"] == "/m.keras"
    assert document["best"]["metrics"]["test_accuracy"] == 0.9


def test_a_folder_that_cannot_be_marked_leaves_no_study(
    tuner: Typed, monkeypatch: pytest.MonkeyPatch
):
    """The study is made before its folder, and taken away with it."""

    def full(self: Artifacts) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Artifacts, "mark", full)
    assert tuner(*LAUNCH).exit_code == 2
    assert tuner.json("list") == []


def test_a_launch_that_died_before_marking_is_mended(launched: Launched, tuner: Typed):
    """Before the first trial, going on marks the folder again."""
    artifacts = Artifacts(launched.study.spec["artifacts"], launched.study)
    artifacts.remove_all()
    assert tuner(*LAUNCH).exit_code == 0
    artifacts.check()


def test_commands_that_are_shown_name_a_store_that_was_typed(tuner: Typed):
    """They can be copied; a password would not be in them."""
    url = f"sqlite:///{tuner.folder / 'other.db'}"
    shown = tuner(*LAUNCH, "--storage", url).stdout
    assert f"tuner worker mlp-digits --storage {url}" in shown


def test_artifacts_lie_beside_the_store(tuner: Typed):
    """Not in whatever folder the command was typed in."""
    (tuner.folder / "stores").mkdir()
    assert tuner(*LAUNCH, "--storage", "sqlite:///stores/tuner.db").exit_code == 0
    assert sorted(path.name for path in tuner.folder.iterdir()) == ["stores"]
    assert Path(tuner.folder / "stores" / "tuner-artifacts").is_dir()


def test_a_study_from_before_there_was_a_choice_computes_in_float32(launched: Launched):
    """Its definition in the store does not name the precision."""
    spec = StudySpec.from_dict(launched.study.spec)
    old = {name: value for name, value in spec.to_dict().items() if name != "precision"}
    assert StudySpec.from_dict(old) == spec
    assert spec.precision == "float32"
