"""Archives: the two forms of names, and each way in which a file can be wrong."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.datasets import DataError, DataSpec, load

X = np.arange(120, dtype=np.uint16).reshape(30, 4)
Y = np.arange(30) % 3


def error_of(path) -> str:
    with pytest.raises(DataError) as caught:
        load(DataSpec(source=str(path)))
    message = str(caught.value)
    assert "\n" not in message
    return message


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_x_and_y_are_divided(tmp_path):
    data = load(DataSpec(source=str(save(tmp_path / "a.npz", x=X, y=Y))))
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 6, 6)
    assert data.inputs.shape == (4,)
    assert data.classes == (0, 1, 2)


def test_parts_of_the_file_are_kept_and_only_the_missing_one_is_cut(tmp_path):
    path = save(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:9] + 1, y_test=Y[:9])
    data = load(DataSpec(source=str(path)))
    assert (len(data.train), len(data.validation), len(data.test)) == (24, 6, 9)
    np.testing.assert_array_equal(data.raw("test"), X[:9] + 1)


def test_three_parts_of_the_file_are_all_kept(tmp_path):
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
    path = save(tmp_path / "a.npz", x=X, y=Y, notes=np.array([{"by": "me"}], dtype=object))
    assert len(load(DataSpec(source=str(path))).train) == 18


def test_a_missing_file_shows_a_close_name(tmp_path):
    save(tmp_path / "images.npz", x=X, y=Y)
    assert "Did you mean 'images.npz'?" in error_of(tmp_path / "image.npz")


def test_a_missing_folder_is_named(tmp_path):
    assert "does not exist either" in error_of(tmp_path / "nowhere" / "a.npz")


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "a.npz").mkdir()
    assert "is a folder" in error_of(tmp_path / "a.npz")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = save(tmp_path / "a.npz", x=X, y=Y)

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)  # root may read every file
    assert "Permission denied" in error_of(path)


def test_an_empty_file(tmp_path):
    (tmp_path / "a.npz").touch()
    assert "which is empty" in error_of(tmp_path / "a.npz")


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"\x80\x04not an archive")
    assert "Expected a NumPy archive" in error_of(tmp_path / "a.npz")


def test_a_damaged_archive(tmp_path):
    path = save(tmp_path / "a.npz", x=np.zeros((500, 4)), y=np.arange(500) % 2)
    content = bytearray(path.read_bytes())
    content[300:900] = b"\xff" * 600
    path.write_bytes(content)
    assert "which is damaged" in error_of(path)


def test_an_object_array_is_never_unpickled(tmp_path):
    path = save(tmp_path / "a.npz", x=X, y=np.array(["a", None] * 15, dtype=object))
    assert "y with Python objects" in error_of(path)


def test_names_that_do_not_fit_are_listed(tmp_path):
    message = error_of(save(tmp_path / "a.npz", features=X, labels=Y))
    assert "Received: features, labels" in message


def test_a_missing_partner_is_named(tmp_path):
    assert "add y" in error_of(save(tmp_path / "a.npz", x=X))
    path = save(tmp_path / "b.npz", x_train=X, y_train=Y, x_test=X)
    assert "add y_test" in error_of(path)


def test_parts_without_training_rows(tmp_path):
    assert "add x_train and y_train" in error_of(save(tmp_path / "a.npz", x_test=X, y_test=Y))


def test_both_forms_of_names_are_ambiguous(tmp_path):
    path = save(tmp_path / "a.npz", x=X, y=Y, x_test=X, y_test=Y)
    assert "keep one form" in error_of(path)


def test_a_class_that_training_never_sees(tmp_path):
    path = save(
        tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:4], y_test=np.array([0, 1, 2, 7])
    )
    assert "class 7 in another part only" in error_of(path)


def test_a_target_column_means_nothing_here(tmp_path):
    path = save(tmp_path / "a.npz", x=X, y=Y)
    with pytest.raises(DataError, match=r"Expected --target with tables"):
        load(DataSpec(source=str(path), target="y"))
