"""Launching makes a study, goes on with it, and leaves nothing behind where it cannot."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import studies
from storage.database import schema
from storage.database.engine import open_store
from storage.errors import StoreError
from storage.files.artifacts import Artifacts
from tests.support.trials import begin, complete, fail
from tests.support.typed import Typed
from tests.unit.cli.conftest import Launched
from tuner.datasets import DataSpec
from tuner.errors import UserError
from tuner.studies.study_spec import StudySpec
from tuner.study_setup.artifacts_folder import check_no_password
from tuner.study_setup.launch_request import LaunchRequest

LAUNCH = ("launch", "mlp", "--data", "digits", "--workers", "0")


def test_the_definition_is_in_the_store(tuner: Typed):
    """Everything that a worker needs, with absolute paths."""
    typed = (
        *LAUNCH, "--study", "mine", "--set", "units=8..16", "--sampler", "random",
        "--pruner", "asha-promotion", "--rest", "7", "--seed", "3", "--epoch-patience", "5",
        "--trial-timeout", "1m30s",
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
    assert (spec.pruner["kind"], spec.pruner["rest"]) == ("asha-promotion", 7)
    assert (spec.seed, spec.epoch_patience) == (3, 5)
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
    assert LaunchRequest(space=space, data=DataSpec(source=source)).study == name


def test_launching_again_goes_on(launched: Launched, tuner: Typed):
    """Options that are left out take the study's own values."""
    assert "goes on, 4 trials" in tuner(*LAUNCH).stdout
    assert studies.load(launched.store, "mlp-digits") == launched.study


def test_launching_again_after_an_extension_goes_on(launched: Launched, tuner: Typed):
    """The budget is no part of the definition."""
    tuner("extend", "mlp-digits", "--trials", "+6")
    assert "goes on, 10 trials" in tuner(*LAUNCH).stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--trials", "9"], "Expected --trials 4"),
        (["--set", "units=8"], "another one (overrides: units=8"),
        (["--lease", "9s"], "lease: 9 instead of 30"),
        (["--storage", "sqlite:///nowhere/tuner.db"], "the folder of the SQLite file"),
        (["--storage", "sqlite:///text.db"], "a usable database"),
        (["--storage", "sqlite:///newer.db"], "made by a newer version"),
        (["--storage", "mysql://nobody@127.0.0.1:9/none"], "to answer"),
        (["--artifacts", "text.db/models"], "a folder for models"),
        (["--artifacts", "/proc/none"], "a folder for models"),
        (["--sampler", "grid"], "grid"),
    ],
)
def test_a_dry_run_refuses_what_a_launch_refuses(
    launched: Launched, tuner: Typed, words: list[str], told: str
):
    """In the same words, and neither makes anything."""
    (tuner.folder / "text.db").write_text("no database, but a text of some length\n" * 99)
    newer = open_store("sqlite:///newer.db")
    with newer.write() as c:
        c.execute(sa.text("UPDATE tuner_version SET version_num = '9999'"))
    newer.close()
    before = sorted(tuner.folder.iterdir())
    typed = [*LAUNCH, *words]
    dry, wet = tuner(*typed, "--dry-run"), tuner(*typed)
    assert told in wet.stderr
    assert (dry.exit_code, dry.stderr) == (wet.exit_code, wet.stderr)
    assert dry.exit_code == 2
    assert sorted(tuner.folder.iterdir()) == before


def test_a_study_whose_trials_all_failed_is_no_success(launched: Launched, tuner: Typed):
    """Exit code 1, with one line that says how the first one failed; also when launched again."""
    for number in range(4):
        fail(launched.store, begin(launched.store, launched.study), "timeout", f"{number}: " * 99)
    result = tuner("launch", "mlp", "--data", "digits", "--workers", "2")
    assert result.exit_code == 1
    line = result.stderr.splitlines()[-1]
    assert line.startswith(
        "Error: Expected a trial that succeeds. Received: 4 that failed, trial 0"
    )
    assert "with: 0: 0:" in line
    assert line.endswith("See: tuner logs mlp-digits")
    assert len(line) <= 300


def test_one_success_is_enough(launched: Launched, tuner: Typed):
    """Three failed trials and a complete one: `launch` exits 0."""
    for _ in range(3):
        fail(launched.store, begin(launched.store, launched.study), kind="oversized")
    complete(launched.store, begin(launched.store, launched.study), [0.5])
    assert tuner(*LAUNCH).exit_code == 0


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


@pytest.mark.parametrize("chain", ["", "simplecache::"])
def test_no_password_gets_into_the_definition(chain: str):
    """Whoever sees the study would see it; fsspec takes one from the environment."""
    with pytest.raises(UserError, match="FSSPEC_FTP_USERNAME and FSSPEC_FTP_PASSWORD") as refused:
        check_no_password(f"{chain}ftp://me:swordfish@host/models")
    assert "swordfish" not in str(refused.value)
    for place in ("sftp://me@host/models", "s3://bucket/a:b@c", "/a:b@c/models", "[x"):
        check_no_password(place)


def test_a_study_from_before_there_was_a_choice_computes_in_float32(launched: Launched):
    """Its definition in the store does not name the precision."""
    spec = StudySpec.from_dict(launched.study.spec)
    old = {name: value for name, value in spec.to_dict().items() if name != "precision"}
    assert StudySpec.from_dict(old) == spec
    assert spec.precision == "float32"


def test_a_study_of_an_earlier_version_goes_on_as_it_was_measured(tuner: Typed):
    """Its definition says nothing of units; trials that come now stay comparable."""
    words = ("launch", "mlp", "--data", "diabetes", "--workers", "0", "--study", "old")
    assert tuner(*words).exit_code == 0
    store = open_store("sqlite:///tuner.db", create=False)
    spec = dict(studies.load(store, "old").spec)
    assert (spec["loss_unit"], spec["data"]["in_unit"]) == ("targets", True)
    del spec["loss_unit"], spec["data"]["in_unit"]
    with store.write() as c:
        c.execute(schema.studies.update().values(spec=json.dumps(spec)))
    result = tuner(*words)
    assert result.exit_code == 0, result.stderr
    old = studies.load(store, "old")
    assert old.spec == spec
    assert StudySpec.from_dict(old.spec).data.in_unit is False
    assert "in_unit" not in tuner(*words, "--data-seed", "3").stderr
    assert tuner("launch", "mlp", "--data", "diabetes", "--workers", "0").exit_code == 0
    line = tuner("compare", "old", "mlp-diabetes").stderr
    assert "in another unit" in line
    store.close()


def test_a_study_from_before_goes_on_as_it_rounded(launched: Launched, tuner: Typed):
    """Whoever launches it again need not know that numbers are centred first by now."""
    spec = StudySpec.from_dict(launched.study.spec).to_dict()
    del spec["data"]["exact"]
    with launched.store.engine.begin() as connection:
        connection.execute(sa.update(schema.studies).values(spec=json.dumps(spec)))
    assert "goes on, 4 trials" in tuner(*LAUNCH).stdout
    found = studies.load(launched.store, "mlp-digits")
    assert not StudySpec.from_dict(found.spec).data.exact


def test_a_column_that_collapses_is_named(tuner: Typed):
    """On one line, before anything is trained."""
    lines = [f"{1_700_000_000 + i},{i % 2}" for i in range(60)]
    (tuner.folder / "seconds.csv").write_text("\n".join(["at,late", *lines]))
    launch = ["launch", "mlp", "--data", "seconds.csv", "--target", "late", "--workers", "0"]
    exact = tuner(*launch, "--study", "exact", "--drop", "none")
    assert exact.exit_code == 0
    assert "are 1 to a model" not in exact.stderr
    rounded = tuner(*launch, "--scaling", "none", "--drop", "none")
    assert rounded.exit_code == 0
    assert "36 different values of column 'at' of x are 1 to a model" in rounded.stderr


TABLE = "id,a,zip,y\n" + "".join(
    f"{row},{row * row % 17},{row % 7:03},{['no', 'no ', 'yes'][row % 3]}\n" for row in range(60)
)
LAUNCH_TABLE = ("launch", "mlp", "--data", "house.csv", "--target", "y", "--workers", "0")


def test_launch_says_what_data_were_taken_for(tuner: Typed):
    """On one line, and warns of what may have been meant otherwise, on standard error."""
    (tuner.folder / "house.csv").write_text(TABLE)
    result = tuner(*LAUNCH_TABLE, "--study", "first")
    told = (
        "Data: task multiclass ('no' 20, 'no ' 20, 'yes' 20); 2 columns of numbers; "
        "rows 36 training, 12 validation, 12 test."
    )
    assert told in result.stdout.splitlines()
    warnings = result.stderr.splitlines()
    assert all(line.startswith("Warning: ") and len(line) <= 300 for line in warnings)
    for told in ("'id'. To keep it: --drop none", "--categories zip", "spaces or case only"):
        assert sum(told in line for line in warnings) == 1
    words = ("--study", "second", "--categories", "zip", "--drop", "a")
    result = tuner(*LAUNCH_TABLE, *words, "--dry-run")
    assert "1 column (1 category); rows 36 training" in " ".join(result.stdout.split())
    assert tuner("datasets", "house.csv", "--target", "y", "--drop", "none").stdout.count("id ")


def test_a_study_from_before_indices_were_left_out_goes_on(tuner: Typed):
    """Its definition says nothing of them: they are its features."""
    (tuner.folder / "house.csv").write_text(TABLE)
    assert tuner(*LAUNCH_TABLE, "--drop", "none").exit_code == 0
    store = open_store("sqlite:///tuner.db", create=False)
    study = studies.load(store, "mlp-house")
    for field in ("drop", "drop_index", "drop_frame_index", "weighted_mean", "categories"):
        del study.spec["data"][field]
    with store.write() as c:
        c.execute(
            sa.text("UPDATE tuner_studies SET spec = :spec"), {"spec": json.dumps(study.spec)}
        )
    store.close()
    result = tuner(*LAUNCH_TABLE)
    assert (result.exit_code, "goes on, 20 trials" in result.stdout) == (0, True), result.stderr
    assert "3 columns of numbers" in result.stdout


def test_a_driver_that_is_missing_is_named_as_it_is_installed(tuner: Typed, monkeypatch):
    """The message for a missing database driver has the `pip install` line with its extra."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    result = tuner(*LAUNCH, "--storage", "postgresql://nobody@localhost/nothing")
    assert result.exit_code == 2
    assert "pip install 'keras-trial-tuner[postgresql]'" in result.stderr
