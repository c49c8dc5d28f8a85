"""Archives: the two forms of names, and each way in which a file can be wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.support.refusals import error_of
from tuner.datasets import DataError, DataSpec, array_store, load
from tuner.datasets.sources import npz

X = np.arange(120, dtype=np.uint16).reshape(30, 4)
Y = np.arange(30) % 3


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_x_and_y_are_divided(tmp_path):
    """Into three fifths, a fifth and a fifth."""
    data = load(DataSpec(source=str(save(tmp_path / "a.npz", x=X, y=Y))))
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 6, 6)
    assert data.inputs.shape == (4,)
    assert data.classes == (0, 1, 2)


def test_parts_of_the_file_are_kept_and_only_the_missing_one_is_cut(tmp_path):
    """The given test rows are the test part, in order."""
    path = save(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:9] + 1, y_test=Y[:9])
    data = load(DataSpec(source=str(path)))
    assert (len(data.train), len(data.validation), len(data.test)) == (24, 6, 9)
    np.testing.assert_array_equal(data.raw("test"), X[:9] + 1)


def test_three_parts_of_the_file_are_all_kept(tmp_path):
    """Nothing is divided."""
    path = save(
        tmp_path / "a.npz",
        x_train=X,
        y_train=Y,
        x_val=X[:6],
        y_val=Y[:6],
        x_test=X[:9],
        y_test=Y[:9],
    )
    data = load(DataSpec(source=str(path)))
    assert (len(data.train), len(data.validation), len(data.test)) == (30, 6, 9)
    np.testing.assert_array_equal(data.raw_targets("validation"), Y[:6])


def test_other_arrays_are_left_alone_even_if_they_hold_objects(tmp_path):
    """They are not read, so nothing is unpickled; a line names them."""
    path = save(tmp_path / "a.npz", x=X, y=Y, notes=np.array([{"by": "me"}], dtype=object))
    data = load(DataSpec(source=str(path)))
    assert len(data.train) == 18
    (note,) = data.notes
    assert note.startswith("Arrays that are not used: notes. Used are x and y")


@pytest.mark.parametrize("suffix", ["val", "valid", "Validation", "dev"])
def test_names_are_understood_in_the_spellings_that_people_use(tmp_path, suffix):
    """A validation part that was left out would be cut from other rows without a word."""
    weights = np.linspace(1, 2, 30)
    arrays = {"X_train": X, "Y_TRAIN": Y, "sample_weight_train": weights}
    arrays |= {f"X_{suffix}": X[:6] + 1, f"y_{suffix}": Y[:6]}
    folder = tmp_path / "arrays"
    folder.mkdir()
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    for source in (save(tmp_path / "a.npz", **arrays), folder):
        data = load(DataSpec(source=str(source)))
        assert data.notes == ()
        np.testing.assert_array_equal(data.raw("validation"), X[:6] + 1)
        rows = data.selections["train"].indices
        expected = weights[rows] / weights[rows].mean()
        np.testing.assert_allclose(data.train.weights, expected, rtol=1e-6)


def test_two_names_of_the_same_array_are_refused(tmp_path):
    """Nobody can tell which of them is meant."""
    path = save(tmp_path / "a.npz", x_train=X, y_train=Y, x_val=X, y_val=Y, X_valid=X)
    with pytest.raises(
        DataError, match=r"expected one array x_val\. Received both: x_val, X_valid"
    ):
        load(DataSpec(source=str(path)))


def test_a_missing_file_shows_a_close_name(tmp_path):
    """Of the files in its folder."""
    save(tmp_path / "images.npz", x=X, y=Y)
    assert "Did you mean 'images.npz'?" in error_of(tmp_path / "image.npz")


def test_a_missing_folder_is_named(tmp_path):
    """The message says that the folder does not exist either."""
    assert "does not exist either" in error_of(tmp_path / "nowhere" / "a.npz")


def test_a_folder_is_no_file(tmp_path):
    """The message says that it is one."""
    (tmp_path / "a.npz").mkdir()
    assert "is a folder" in error_of(tmp_path / "a.npz")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    """The system's reason is passed on."""
    path = save(tmp_path / "a.npz", x=X, y=Y)

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)  # root may read every file
    assert "Permission denied" in error_of(path)


def test_an_empty_file(tmp_path):
    """The message says that it is empty."""
    (tmp_path / "a.npz").touch()
    assert "which is empty" in error_of(tmp_path / "a.npz")


def test_a_file_that_is_no_archive(tmp_path):
    """The message says what was expected."""
    (tmp_path / "a.npz").write_bytes(b"\x80\x04not an archive")
    assert "Expected a NumPy archive" in error_of(tmp_path / "a.npz")


def test_a_damaged_archive(tmp_path):
    """Bytes overwritten in the middle are noticed."""
    path = save(tmp_path / "a.npz", x=np.zeros((500, 4)), y=np.arange(500) % 2)
    content = bytearray(path.read_bytes())
    content[300:900] = b"\xff" * 600
    path.write_bytes(content)
    assert "which is damaged" in error_of(path)


def test_an_object_array_is_never_unpickled(tmp_path):
    """That would run code of a stranger's; it is refused."""
    path = save(tmp_path / "a.npz", x=X, y=np.array(["a", None] * 15, dtype=object))
    assert "y with Python objects" in error_of(path)


def test_names_that_do_not_fit_are_listed(tmp_path):
    """Those that the archive has."""
    message = error_of(save(tmp_path / "a.npz", features=X, labels=Y))
    assert "Received: features, labels" in message


def test_a_missing_partner_is_named(tmp_path):
    """Rows without targets, as a whole or of a part."""
    assert "add y" in error_of(save(tmp_path / "a.npz", x=X))
    path = save(tmp_path / "b.npz", x_train=X, y_train=Y, x_test=X)
    assert "add y_test" in error_of(path)


def test_parts_without_training_rows(tmp_path):
    """The message says which arrays to add."""
    assert "add x_train and y_train" in error_of(save(tmp_path / "a.npz", x_test=X, y_test=Y))


def test_both_forms_of_names_are_ambiguous(tmp_path):
    """One array for all and one for a part cannot both be meant."""
    path = save(tmp_path / "a.npz", x=X, y=Y, x_test=X, y_test=Y)
    assert "keep one form" in error_of(path)


def test_a_class_that_training_never_sees(tmp_path):
    """It is named."""
    path = save(
        tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:4], y_test=np.array([0, 1, 2, 7])
    )
    assert "class 7 in another part only" in error_of(path)


def test_a_target_column_means_nothing_here(tmp_path):
    """The option is for tables."""
    path = save(tmp_path / "a.npz", x=X, y=Y)
    with pytest.raises(DataError, match=r"Expected --target with tables"):
        load(DataSpec(source=str(path), target="y"))


@pytest.mark.parametrize("order", ["C", "F"])
def test_large_arrays_are_mapped_and_the_same(tmp_path, monkeypatch, order):
    """Those that are compressed, or small, are read."""
    monkeypatch.setattr(npz, "MAPPED", X.nbytes)
    x = np.asarray(X, order=order)
    save(tmp_path / "a.npz", x=x, y=Y.astype(np.uint8))
    np.savez_compressed(tmp_path / "b.npz", x=x, y=Y.astype(np.uint8))
    rows = npz.read(DataSpec(source=str(tmp_path / "a.npz"))).parts["train"]
    assert isinstance(rows.x, np.memmap)
    assert not isinstance(rows.y, np.memmap)
    np.testing.assert_array_equal(rows.x, X)
    packed = npz.read(DataSpec(source=str(tmp_path / "b.npz"))).parts["train"]
    assert not isinstance(packed.x, np.memmap)
    found = [load(DataSpec(source=str(tmp_path / name))) for name in ("a.npz", "b.npz")]
    assert found[0].fingerprint == found[1].fingerprint
    np.testing.assert_array_equal(found[0].train.x, found[1].train.x)


def test_a_large_array_that_lies_about_its_size_is_damaged(tmp_path, monkeypatch):
    """Arrays that are mapped instead of read are checked as well."""
    monkeypatch.setattr(npz, "MAPPED", 100)
    path = save(tmp_path / "a.npz", x=np.zeros((500, 4)), y=np.arange(500) % 2)
    path.write_bytes(path.read_bytes().replace(b"(500, 4)", b"(900, 4)"))
    assert "which is damaged" in error_of(path)


def test_groups_stay_together(tmp_path):
    """Whatever names them; the same rows with a column of groups are divided so, too."""
    groups = np.array([f"g{row // 3}" for row in range(30)])
    path = save(tmp_path / "a.npz", x=X, y=Y, group=groups)
    data = load(DataSpec(source=str(path)))
    homes = [set(groups[data.selections[part].indices]) for part in ("train", "validation", "test")]
    assert sum(map(len, homes)) == 10 == len(set().union(*homes))
    table = pd.DataFrame(X).add_prefix("x").assign(y=Y, g=groups)
    table.to_csv(tmp_path / "a.csv", index=False)
    same = load(DataSpec(source=str(tmp_path / "a.csv"), target="y", group="g"))
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(same.raw(part), data.raw(part))


def test_the_latest_rows_test(tmp_path):
    """Of the training rows where the file brings parts; folders of arrays do it, too."""
    times = np.datetime64("2024-01-01") + np.random.default_rng(0).permutation(30)
    path = save(tmp_path / "a.npz", x_train=X, y_train=Y, x_val=X, y_val=Y, time=times)
    data = load(DataSpec(source=str(path)))
    rows = [times[data.selections[part].indices] for part in ("train", "test")]
    assert rows[0].max() < rows[1].min()
    assert len(data.validation) == 30
    for name, array in {"x": X, "y": Y, "time": times}.items():
        np.save(tmp_path / f"{name}.npy", array)
    folder = load(DataSpec(source=str(tmp_path)))
    later = times[folder.selections["test"].indices].min()
    assert times[folder.selections["validation"].indices].max() < later


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"group": Y, "time": Y}, "expected group or time. Received both"),
        ({"group": Y[:9]}, "as the group of each of 30 training rows. Received: int64 of shape (9"),
        ({"time": np.where(Y, np.nan, 1.0)}, "a time for every row. Received: none in row 1"),
        ({"group": np.zeros(30)}, "expected groups for every part"),
    ],
)
def test_groups_and_times_that_cannot_be_meant(tmp_path, arrays, told):
    """Both at once, too few, one that is missing, or a single group."""
    assert told.lower() in error_of(save(tmp_path / "a.npz", x=X, y=Y, **arrays)).lower()


def test_folds_of_times_go_forward(tmp_path):
    """Each validates on the 6 rows that come next; the latest 6 are the test part."""
    path = save(tmp_path / "a.npz", x=X, y=Y, time=np.arange(30))
    for fold in range(3):
        selections = load(DataSpec(source=str(path), folds=3, fold=fold)).selections
        end = 6 * (fold + 1)
        assert selections["train"].indices.tolist() == list(range(end))
        assert selections["validation"].indices.tolist() == list(range(end, end + 6))
        assert selections["test"].indices.tolist() == list(range(24, 30))


def test_arrays_in_memory_may_bring_groups(tmp_path):
    """They are written with them."""
    groups = np.array([f"g{row // 3}" for row in range(30)])
    path = array_store.write({"x": X, "y": Y, "group": groups}, str(tmp_path))
    data = load(DataSpec(source=str(path)))
    homes = [set(groups[data.selections[part].indices]) for part in ("train", "validation", "test")]
    assert sum(map(len, homes)) == 10
