"""Parts in files of the user's own are used as they are, and must be as the training rows are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_iris

from tests.support.refusals import error_of
from tuner.datasets import DataSpec, load
from tuner.datasets.cache import load_shared

ROWS = load_digits().images.astype(np.uint8)
LABELS = load_digits().target


def irises() -> pd.DataFrame:
    """Irises in any order, with a category and a day."""
    frame = load_iris(as_frame=True).frame.sample(frac=1, random_state=0, ignore_index=True)
    frame.columns = ["sepal", "width", "petal", "depth", "kind"]
    frame["kind"] = frame["kind"].map({0: "setosa", 1: "versicolor", 2: "virginica"})
    frame["size"] = np.where(frame["petal"] > 4, "large", "small")
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.index, unit="D")
    return frame


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """One file a part, of both kinds."""
    frame = irises()
    frame[:100].to_csv(tmp_path / "train.csv", index=False)
    frame[100:120].to_parquet(tmp_path / "validation.parquet")
    frame[120:].to_csv(tmp_path / "test.csv", index=False)
    return {path.stem: str(path) for path in tmp_path.iterdir()}


def spec(files: dict[str, str], **fields) -> DataSpec:
    named = {"validation_data": files["validation"], "test_data": files["test"]}
    return DataSpec(**{"source": files["train"], "target": "kind", **named, **fields})


def test_each_part_is_its_file(files):
    """In its order; what is encoded is fitted on the training rows alone."""
    frame, data = irises(), load(spec(files))
    for part, rows in (("train", slice(100)), ("validation", slice(100, 120)),
                       ("test", slice(120, None))):  # fmt: skip
        assert data.raw_targets(part).tolist() == frame["kind"][rows].tolist()
        np.testing.assert_array_equal(data.raw(part)["sepal"][:, 0], frame["sepal"][rows])
    assert data.encoder.kinds["day"] == "date"
    assert data.encoder.columns[0].centre == pytest.approx(frame["sepal"][:100].mean())


def test_only_the_part_that_is_missing_is_cut(files):
    """From the training rows; the test file stays whole."""
    data = load(spec(files, validation_data=None, validation=0.1))
    assert (len(data.train), len(data.validation), len(data.test)) == (90, 10, 30)


def test_groups_divide_what_is_left(files):
    """The file of another part need not have the column."""
    frame = pd.read_csv(files["train"])
    frame["field"] = frame.index // 5
    frame.to_csv(files["train"], index=False)
    data = load(spec(files, validation_data=None, group="field"))
    homes = [set(frame["field"][data.selections[part].indices]) for part in ("train", "validation")]
    assert not homes[0] & homes[1]
    assert len(data.test) == 30


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.drop(columns="petal"), "missing: petal"),
        (lambda frame: frame.assign(more=1), "not known: more"),
        (lambda frame: frame.drop(columns="kind"), "missing: kind"),
        (lambda frame: frame.assign(petal="long"), "Received: 'long' in column 'petal'"),
        (lambda frame: frame.assign(day="soon"), "Received: 'soon' in data row 1"),
        (lambda frame: frame.assign(petal=np.nan), "30 missing in column 'petal'"),
        (lambda frame: frame.assign(kind="tulip"), "class 'tulip' in another part only"),
        (lambda frame: frame.assign(kind=1.5), "class '1.5' in another part only"),
        (lambda frame: frame[:0], "header line only"),
    ],
    ids=["missing", "more", "no target", "text", "no date", "gaps", "class", "numbers", "no rows"],
)
def test_a_file_of_other_columns_is_told_in_a_line(files, change, told: str):
    """Columns that are missing, unknown or of another kind."""
    change(pd.read_csv(files["test"])).to_csv(files["test"], index=False)
    assert told in error_of(spec(files))


def test_a_file_that_is_no_table(files, tmp_path: Path):
    """One that does not exist, and one of another format."""
    assert "which does not exist" in error_of(spec(files, test_data=str(tmp_path / "x.csv")))
    assert "Expected a table (.csv, .tsv," in error_of(spec(files, test_data="x.npz"))


def test_parts_in_the_cache_follow_their_files(files, tmp_path: Path, monkeypatch):
    """A row that was removed from the test file is gone."""
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tuner.datasets.cache.LARGE", 1000)
    first = load_shared(spec(files))
    frame = pd.read_csv(files["test"])
    frame[1:].to_csv(files["test"], index=False)
    assert len(first.test) == len(load_shared(spec(files)).test) + 1


def save(path: Path, rows: slice) -> str:
    np.savez(path, x=ROWS[rows], y=LABELS[rows])
    return str(path)


def test_archives_may_have_parts_beside_them(tmp_path: Path):
    """Their rows are the part, in order."""
    source = save(tmp_path / "a.npz", slice(1000))
    further = {"validation_data": save(tmp_path / "b.npz", slice(1000, 1400))}
    data = load(DataSpec(source=source, **further, test=0.1))
    assert (len(data.train), len(data.validation), len(data.test)) == (900, 400, 100)
    np.testing.assert_array_equal(data.raw_targets("validation"), LABELS[1000:1400])


def test_archives_that_do_not_go_together_are_told(tmp_path: Path):
    """Other shapes, parts within parts, other formats, sets without files."""
    source = save(tmp_path / "a.npz", slice(1000))
    np.savez(tmp_path / "b.npz", x=ROWS[:50, :4], y=LABELS[:50])
    both = {"x_train": ROWS, "y_train": LABELS, "x_test": ROWS, "y_test": LABELS}
    np.savez(tmp_path / "c.npz", **both)
    files = {name: str(tmp_path / f"{name}.npz") for name in "bc"}
    told = {
        "expected rows of one shape in all parts": DataSpec(source=source, test_data=files["b"]),
        "expected the rows of a single part": DataSpec(source=source, test_data=files["c"]),
        "it brings that part itself": DataSpec(source=files["c"], test_data=source),
        "to be as --data is, FILE.npz": DataSpec(source=source, test_data="b.csv"),
        "beside a file or folder of rows": DataSpec(source="digits", test_data=source),
    }
    for line, asked in told.items():
        assert line in error_of(asked)


def test_folders_of_images_may_have_parts_beside_them(tmp_path: Path):
    """Of the size that the source asks for."""
    for part, rows, size in (("a", range(60), 8), ("b", range(60, 90), 16)):
        for row in rows:
            (tmp_path / part / str(LABELS[row])).mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(ROWS[row] * 15).resize((size, size))
            image.save(tmp_path / part / str(LABELS[row]) / f"{row}.png")
    found = load(DataSpec(source=f"{tmp_path / 'a'}:8x8", validation_data=str(tmp_path / "b")))
    assert (len(found.train), len(found.validation)) == (48, 30)
    assert found.validation.x.shape[1:] == (8, 8)
    line = error_of(DataSpec(source=str(tmp_path / "a"), validation_data=str(tmp_path / "b")))
    assert "rows of one shape in all parts. Received: (8, 8) and (16, 16)" in line


def test_paths_of_parts_become_absolute(tmp_path: Path, monkeypatch):
    """And a saved definition comes back equal."""
    monkeypatch.chdir(tmp_path)
    resolved = DataSpec(source="a.csv", test_data="b.csv", text=("said",)).resolve()
    assert resolved.given == {"test": str(tmp_path / "b.csv")}
    assert DataSpec.from_dict(resolved.to_dict()) == resolved
