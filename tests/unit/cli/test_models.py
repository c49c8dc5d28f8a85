"""Mistakes with models are told before anything is trained: none of these needs TensorFlow."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.files.artifacts import Artifacts
from tests.support.terminal import Terminal
from tests.support.trials import begin, complete, enter, fail
from tests.support.typed import Typed
from tests.unit.cli.conftest import Launched
from tests.unit.cli.test_bad_input import refused

REFIT = ("refit", "mlp-digits", "-o", "out.keras")
ENSEMBLE = ("ensemble", "mlp-digits", "-o", "out.keras")
READING = [("export", "mlp-digits", "out.keras"), ("evaluate", "mlp-digits")]
WRITING = [READING[0], REFIT, ENSEMBLE]


@pytest.fixture
def worked(launched: Launched) -> Launched:
    """A complete trial whose model is not kept, and one that failed."""
    store, study = launched.store, launched.study
    enter(store, study)
    complete(store, begin(store, study, units_0=64), [0.5, 0.25, 0.75])
    fail(store, begin(store, study))
    return launched


@pytest.mark.parametrize("words", [*READING, REFIT, ENSEMBLE], ids=lambda words: words[0])
def test_no_trial_has_ended_yet(launched: Launched, tuner: Typed, words: tuple[str, ...]):
    """There is no model; the message says where to look."""
    assert "tuner status mlp-digits" in refused(tuner(*words))


@pytest.mark.parametrize("words", WRITING, ids=lambda words: words[0])
@pytest.mark.parametrize("name", ["out.keras", "out.json"])
def test_an_output_that_exists(launched: Launched, tuner: Typed, words: tuple[str, ...], name: str):
    """Neither a model nor a card is replaced unless asked for."""
    (tuner.folder / name).write_text("mine")
    assert "--force" in refused(tuner(*words))
    assert (tuner.folder / name).read_text() == "mine"


@pytest.mark.parametrize(
    ("output", "told"),
    [("out.h5", "out.keras"), ("absent/out.keras", "absent"), (".", ".keras")],
)
def test_an_output_that_cannot_be_written(launched: Launched, tuner: Typed, output: str, told: str):
    """Another suffix, a folder that does not exist, or a folder."""
    assert told in refused(tuner("export", "mlp-digits", output))


@pytest.mark.parametrize("words", [*READING, REFIT], ids=lambda words: words[0])
def test_a_trial_that_does_not_exist(worked: Launched, tuner: Typed, words: tuple[str, ...]):
    """Its number is repeated."""
    assert "77" in refused(tuner(*words, "--trial", "77"))


@pytest.mark.parametrize("words", READING, ids=lambda words: words[0])
def test_a_model_that_was_not_kept(worked: Launched, tuner: Typed, words: tuple[str, ...]):
    """The line can be typed."""
    told = refused(tuner(*words))
    assert "tuner rerun mlp-digits 0 --output trial-0.keras" in told


def test_a_trial_that_cannot_be_trained_again(worked: Launched, tuner: Typed):
    """It failed before its first epoch, runs still, or does not exist."""
    begin(worked.store, worked.study)
    assert "failed before its first epoch" in refused(tuner("rerun", "mlp-digits", "1"))
    assert "trial 2, which is running" in refused(tuner("rerun", "mlp-digits", "2"))
    assert "77" in refused(tuner("rerun", "mlp-digits", "77"))


def test_a_trial_is_not_trained_for_an_output_that_exists(worked: Launched, tuner: Typed):
    """That is found out before, and --force is named."""
    (tuner.folder / "out.keras").write_text("mine")
    assert "--force" in refused(tuner("rerun", "mlp-digits", "0", "--output", "out.keras"))


CARD = {"data": {"columns": ["a", "b"], "shape": [2], "target": "y", "task": "binary"}}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("a\n1\n", "missing: b"),
        ("b,a,c\n1,2,3\n", "not known: c"),
        ("a,c\n1,2\n", "missing: b; not known: c"),
        ("a,b\n1,x\n", "'x' in column 'b'"),
        ("a,b\n1,\n", "missing in column 'b'"),
        ("a,b\n", "header line only"),
        ("", "empty"),
        (None, "does not exist"),
    ],
)
def test_rows_that_the_model_does_not_take(tuner: Typed, table: str | None, told: str):
    """Found out before the model is loaded."""
    (tuner.folder / "model.keras").write_bytes(b"never read")
    (tuner.folder / "model.json").write_text(json.dumps(CARD))
    if table is not None:
        (tuner.folder / "rows.csv").write_text(table)
    assert told in refused(tuner("predict", "model.keras", "rows.csv"))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("day,said\nsoon,hello\n", "expected dates such as 2024-01-31"),
        ("day,said\n2024-02-30,hello\n", "Received: '2024-02-30' in data row 1"),
        ("day,said\n2024-02-29,\n", "1 missing in column 'said'"),
        ("day\n2024-02-29\n", "missing: said"),
    ],
)
def test_dates_and_texts_that_the_model_does_not_take(tuner: Typed, table: str, told: str):
    """Found out before the model is loaded."""
    about = {**CARD["data"], "columns": ["day", "said"], "kinds": {"day": "date", "said": "text"}}
    (tuner.folder / "model.keras").write_bytes(b"never read")
    (tuner.folder / "model.json").write_text(json.dumps({"data": about}))
    (tuner.folder / "rows.csv").write_text(table)
    assert told in refused(tuner("predict", "model.keras", "rows.csv"))


def test_rows_without_names_for_a_model_without_names(tuner: Typed):
    """As many columns as a row has values; a first line of numbers is a row."""
    (tuner.folder / "model.keras").write_bytes(b"never read")
    (tuner.folder / "model.json").write_text(json.dumps({"data": {"shape": [2, 2]}}))
    (tuner.folder / "rows.csv").write_text("1,2,3\n4,5,6\n")
    assert "expected 4 columns" in refused(tuner("predict", "model.keras", "rows.csv"))


def test_a_card_that_is_none(tuner: Typed):
    """The file is named, and the model is not read."""
    (tuner.folder / "model.keras").write_bytes(b"never read")
    (tuner.folder / "model.json").write_text("[]")
    assert "model.json" in refused(tuner("predict", "model.keras", "rows.csv"))


def test_predictions_that_exist(tuner: Typed):
    """They are not replaced, and --force is named."""
    (tuner.folder / "out.csv").write_text("mine")
    assert "--force" in refused(tuner("predict", "model.keras", "rows.csv", "-o", "out.csv"))


def test_no_model(tuner: Typed):
    """A file that does not exist is named."""
    assert "absent.keras" in refused(tuner("predict", "absent.keras", "rows.csv"))


def test_one_model_is_no_ensemble(worked: Launched, tuner: Typed):
    """Too few trials, or too few asked for."""
    assert "2 complete trials" in refused(tuner(*ENSEMBLE))
    assert "--top" in refused(tuner(*ENSEMBLE, "--top", "1"))


def archive(path: Path, weights: bytes = b"weights" * 100) -> None:
    """A file as Keras saves it, but for what is in it."""
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("metadata.json", json.dumps({"keras_version": "3", "date_saved": "today"}))
        opened.writestr("model.weights.h5", weights)


def saved(launched: Launched, number: int, *, checksum: bool = True) -> Path:
    """A complete trial with a model; the first one is the best."""
    artifacts = Artifacts(launched.study.spec["artifacts"], launched.study)
    kept = artifacts.save(f"models/trial-{number}.keras", archive)
    told = {"model": kept.path, "model_sha256": kept.sha256 if checksum else None}
    claim = begin(launched.store, launched.study)
    assert claim.number == number
    complete(launched.store, claim, [0.1 * (1 + number)], **told)
    return Path(kept.path)


@pytest.fixture
def kept(launched: Launched) -> list[Path]:
    """Three trials with their models, the best first."""
    enter(launched.store, launched.study)
    return [saved(launched, number) for number in range(3)]


def flip(path: Path) -> None:
    """Turns one bit of the weights over."""
    content = bytearray(path.read_bytes())
    content[content.index(b"weights" * 100)] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def swap(path: Path) -> None:
    """Another model under this one's name."""
    archive(path, b"another trial's" * 50)


DAMAGES = pytest.mark.parametrize("damage", [flip, cut, swap, Path.unlink])


@DAMAGES
@pytest.mark.parametrize("words", READING, ids=lambda words: words[0])
def test_a_damaged_model_is_not_used(
    kept: list[Path], tuner: Typed, words: tuple[str, ...], damage: Callable[[Path], None]
):
    """The next best one that is whole is offered, and nothing is written."""
    damage(kept[0])
    flip(kept[1])
    told = refused(tuner(*words))
    assert "damaged" in told or damage is Path.unlink
    assert "the next best is trial 2: --trial 2" in told
    assert "tuner rerun mlp-digits 0 --output trial-0.keras" in told
    assert len(told) <= 300
    assert not (tuner.folder / "out.keras").exists()
    assert tuner("export", "mlp-digits", "out.keras", "--trial", "2").exit_code == 0
    card = json.loads((tuner.folder / "out.json").read_text())
    assert card["model"]["sha256"] == hashlib.sha256(kept[2].read_bytes()).hexdigest()


def test_no_whole_model_is_offered_where_there_is_none(kept: list[Path], tuner: Typed):
    """Where all model files are damaged, `rerun` is suggested and no other trial."""
    for path in kept:
        cut(path)
    told = refused(tuner(*READING[0]))
    assert "--trial" not in told
    assert "tuner rerun mlp-digits 0" in told


def test_a_model_without_a_checksum_is_used(launched: Launched, tuner: Typed):
    """As older versions saved it; that is said once."""
    enter(launched.store, launched.study)
    path = saved(launched, 0, checksum=False)
    result = Terminal(tuner.folder)("export", "mlp-digits", "out.keras")
    assert (result.returncode, result.stderr.count("without a checksum")) == (0, 1)
    assert (tuner.folder / "out.keras").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("damage", [flip, cut])
def test_the_parts_of_a_model_without_a_checksum_have_theirs(
    launched: Launched, tuner: Typed, damage: Callable[[Path], None]
):
    """Those of a zip file."""
    enter(launched.store, launched.study)
    damage(saved(launched, 0, checksum=False))
    assert "damaged" in refused(tuner(*READING[0]))


def test_a_model_that_is_not_its_cards(kept: list[Path], tuner: Typed):
    """`tuner predict` goes by the checksum in the card, before the model is loaded."""
    assert tuner("export", "mlp-digits", "out.keras").exit_code == 0
    flip(tuner.folder / "out.keras")
    (tuner.folder / "rows.csv").write_text("1,2\n")
    assert "out.json is the card of" in refused(tuner("predict", "out.keras", "rows.csv"))
