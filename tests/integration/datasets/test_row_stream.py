"""Training rows that are read anew in every epoch: what may come, and what is made of it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces import catalog
from tests.support.fits import BASE, Interrupting, fit
from tuner.datasets import DataError, DataSpec, load
from tuner.datasets.row_stream import RowStream, look_through

pytestmark = pytest.mark.keras

SOURCE = """
import keras
import numpy as np
import tensorflow as tf

X = np.random.RandomState(0).normal(size=(100, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int64") + (X[:, 1] > 1)
HELD = (X[60:], Y[60:])


def noisy(x, y):
    return x + 0.1 * tf.random.normal(tf.shape(x)), y


def dataset():
    rows = tf.data.Dataset.from_tensor_slices((X[:60], Y[:60]))
    return rows.shuffle(60).batch(7).map(noisy), HELD


def halves():
    train = tf.data.Dataset.from_tensor_slices((X[:60], Y[:60])).batch(7)
    return train, tf.data.Dataset.from_tensor_slices((X[60:80], Y[60:80]))


def beside():
    train, _ = halves()
    return train, train


def single_with_few():
    train, few = halves()
    return train, few, few


def weighted():
    weights = np.ones(60, "float32")
    train = tf.data.Dataset.from_tensor_slices((X[:60], Y[:60], weights)).batch(7)
    return train, HELD


def whole():
    return tf.data.Dataset.from_tensor_slices((X, Y))


def single():
    return tf.data.Dataset.from_tensor_slices((X[:60], Y[:60])).shuffle(60), HELD, HELD


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 6

    def __getitem__(self, number):
        chosen = slice(10 * number, 10 * number + 10)
        return X[chosen] + np.random.normal(size=(10, 4)), Y[chosen]


def pydataset():
    return Batches(), HELD


def rows():
    for i in np.random.permutation(60):
        yield X[i], Y[i]


def generator():
    return rows, tf.data.Dataset.from_tensor_slices(HELD)


def unseeded():
    return ((X[i], Y[i]) for i in np.random.default_rng().permutation(60)), HELD


def endless():
    return tf.data.Dataset.from_tensor_slices((X, Y)).repeat(), HELD


def wider():
    return ((np.ones(5), 1) for _ in range(9)), HELD


def alone():
    return rows()


def triples():
    return ((x, y, 1.0) for x, y in rows()), HELD


def empty():
    return iter(()), HELD


COUNT = 60
ONCE = iter([(X[:60], Y[:60])])


def counted():
    return ((X[i], Y[i]) for i in range(COUNT)), HELD


def used_up():
    return ONCE, HELD


def uneven():
    return iter([(X[:5], Y[:3])]), HELD


def breaks():
    def broken():
        yield X[0], Y[0]
        raise KeyError("no such file")

    return broken, HELD


def pixels():
    x = X[:, :, None] * X[:, None]
    y = (x > 0).astype("int64")
    return zip(x[:60], y[:60]), (x[60:], y[60:])


def unknown():
    return ((x, y + 5 * (np.random.random() < 0.5)) for x, y in rows()), HELD
"""
SEEDED = ("dataset", "single", "pydataset", "generator")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("streams") / "own.py"
    path.write_text(SOURCE)
    return path


def streamed(source: Path, name: str, **more: Any) -> DataSpec:
    return DataSpec(source=f"{source}:{name}", stream=True, **more)


@pytest.mark.parametrize("name", SEEDED)
def test_a_pass_is_decided_by_its_seed(source: Path, name: str) -> None:
    """All rows in batches of any size, others for another seed; parts beside it are held."""
    data = load(streamed(source, name))
    assert data.stream is not None
    assert data.stream.streamed.is_seeded
    assert data.training_rows == 60
    assert (data.outputs.task, data.outputs.units) == ("classes", 3)
    first, again, other = (list(data.stream.batches(seed, 16)) for seed in (1, 1, 2))
    assert [len(x) for x, _ in first] == [16, 16, 16, 12]
    for (x, y), (x_again, y_again) in zip(first, again, strict=True):
        assert x.dtype == np.float32
        assert y.dtype == np.int32
        np.testing.assert_array_equal(x, x_again)
        np.testing.assert_array_equal(y, y_again)
    assert any(not np.array_equal(x, o) for (x, _), (o, _) in zip(first, other, strict=True))
    assert len(data.validation) + len(data.test) == (80 if name == "single" else 40)
    assert load(streamed(source, name)).fingerprint == data.fingerprint


@pytest.mark.parametrize("name", ["generator", "dataset"])
def test_losses_are_those_of_stock_fit_on_the_same_rows(source: Path, name: str) -> None:
    """And those of a training that goes on from the end of an epoch in between."""
    data = load(streamed(source, name))
    ours = fit(data, BASE)
    assert ours.path == "streamed steps of Keras: rows are read anew in every epoch"
    stopped = Interrupting()
    first = fit(data, BASE, observer=stopped)
    rest = fit(data, BASE, resume=stopped.state)
    for epoch, expected in zip([*first.epochs, *rest.epochs], ours.epochs, strict=True):
        assert epoch == pytest.approx(expected, abs=1e-6)
    if name == "generator":  # of which the scaled rows are the same as if they were held
        assert stock(data) == pytest.approx([epoch["val_loss"] for epoch in ours.epochs], abs=1e-5)


def stock(data: Any) -> list[float]:
    """Validation losses of Keras's own loop over the same batches."""
    from tuner.training import seeded
    from tuner.training.compilation import compile_model
    from tuner.training.seeding import stream_seed

    with seeded(5):
        model = catalog.load("mlp").build(BASE, data.inputs, data.outputs)
    compile_model(model, BASE, data.outputs)
    losses = []
    for epoch in range(BASE["epochs"]):
        for x, y in data.stream.batches(int(stream_seed(5, epoch)[0]), BASE["batch_size"]):
            model.train_on_batch(x, y)
        held = model.evaluate(data.validation.x, data.validation.y, verbose=0, return_dict=True)
        losses.append(held["loss"])
    return losses


def test_a_stream_that_no_seed_decides_is_told(source: Path) -> None:
    """It is taken if nothing is fitted on its rows."""
    with pytest.raises(DataError, match="same rows for the same seeds, or --scaling none"):
        load(streamed(source, "unseeded"))
    data = load(streamed(source, "unseeded", scaling="none"))
    assert "with other rows, which no seed decides" in " ".join(data.notes)
    assert "exactly" in " ".join(load(streamed(source, "single")).notes)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("endless", r"an epoch that ends\. Received: one that repeats forever"),
        ("wider", r"rows of shape \(4,\), as those of the validation part.*Received: \(5,\)"),
        ("alone", r"to return \(stream, \(x_val, y_val\)\)"),
        ("triples", r"pairs \(x, y\) of one array each\. Received: 3 values"),
        ("empty", r"to stream rows in every epoch.* Received: none"),
        ("used_up", r"to stream rows in every epoch.* Received: none: make a new generator"),
        ("uneven", r"a target for each row of a batch\. Received: x of .* with y of shape \(3,\)"),
        ("pixels", r"one target for each row .*shape \(4, 4.*: hold the rows"),
        ("breaks", r"to return \(stream, \(x_val, y_val\)\) .*KeyError.*no such file"),
    ],
)
def test_a_stream_that_cannot_be_is_told(source: Path, name: str, told: str) -> None:
    """In one line, before there is a study."""
    with pytest.raises(DataError, match=told) as raised:
        load(streamed(source, name))
    assert "\n" not in str(raised.value)


def test_an_epoch_without_rows_trains_nothing(source: Path) -> None:
    """Whenever it comes: the trial ends with what is wrong, not with a loss of nothing."""
    data = load(streamed(source, "counted"))
    assert data.stream is not None
    data.stream.streamed.stream.call.__globals__["COUNT"] = 0
    with pytest.raises(DataError, match=r"to stream rows in every epoch"):
        list(data.stream.batches(9, 16))


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows may take as much as 40 of five values, of four bytes each."""
    monkeypatch.setattr("tuner.resources.memory.available", lambda: 1e6)
    monkeypatch.setattr("tuner.datasets.sources.held_rows.SHARE", 40 * 5 * 4 / 1e6)


def chosen_by_size(source: Path, name: str, **more: Any) -> DataSpec:
    return DataSpec(source=f"{source}:{name}", stream=None, **more)


@pytest.mark.parametrize("name", ["pydataset", "generator"])
def test_what_is_nothing_but_a_stream_is_streamed_by_itself(source: Path, name: str) -> None:
    """However small; ``--no-stream`` holds one pass of it, which all workers see."""
    assert load(chosen_by_size(source, name)).stream is not None
    held = DataSpec(source=f"{source}:{name}", stream=False)
    data = load(held)
    assert data.stream is None
    assert len(data.train) == 60
    assert "one pass of the stream is held: 60 training rows" in data.notes[0]
    assert load(held).fingerprint == data.fingerprint


def test_a_dataset_that_fits_is_held(source: Path) -> None:
    """With the parts beside it."""
    data = load(chosen_by_size(source, "single"))
    assert data.stream is None
    assert [len(part) for part in (data.train, data.validation, data.test)] == [60, 40, 40]
    pair = load(chosen_by_size(source, "dataset"))  # whose second part is the test part, as ever
    assert (len(pair.train) + len(pair.validation), len(pair.test)) == (60, 40)


@pytest.mark.usefixtures("no_room")
def test_a_dataset_that_does_not_fit_is_streamed(source: Path) -> None:
    """And says so, and what becomes of its second part."""
    data = load(chosen_by_size(source, "halves"))
    assert data.stream is not None
    assert data.training_rows == 60
    assert (len(data.validation), len(data.test)) == (10, 10)
    assert (
        "60 training rows are streamed in every epoch, as they do not fit into memory"
        in (data.notes[0])
    )
    divided = "the part beside the stream is divided into validation and test rows"
    assert divided in data.notes
    whole = load(chosen_by_size(source, "single_with_few"))
    assert whole.stream is not None
    assert divided not in whole.notes


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize(
    ("name", "more", "told"),
    [
        ("halves", {"stream": False}, r"or stream them \(--stream\)\."),
        ("halves", {"folds": 2}, r"or leave --folds out, so that they can be streamed\."),
        ("weighted", {}, r"or return pairs \(x, y\) of one array each, which are streamed\."),
        ("whole", {}, r"or return \(dataset, \(x_val, y_val\)\), which is streamed\."),
        ("beside", {}, r"or make the parts beside the stream smaller\."),
        ("generator", {"stream": False}, r"or stream them \(--stream\)\."),
    ],
)
def test_what_neither_fits_nor_can_be_streamed_is_told(
    source: Path, name: str, more: dict[str, Any], told: str
) -> None:
    """In one line, with what would change that; parts beside a stream are held and must fit."""
    with pytest.raises(DataError, match=told) as raised:
        load(DataSpec(**{"source": f"{source}:{name}", "stream": None, **more}))
    assert "rows and more that do not fit into 0.0 GB" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_stream_that_cannot_be_one_is_told(source: Path) -> None:
    """With what to leave out, and how its rows are held."""
    with pytest.raises(DataError, match=r"without --folds: .* leave --folds out, or hold .*--no-s"):
        load(chosen_by_size(source, "generator", folds=2))


def test_a_class_that_only_some_passes_have_is_told(source: Path) -> None:
    """It has no position; nothing is trained wrongly."""
    spec = streamed(source, "unknown", scaling="none")
    data = load(spec)
    assert data.stream is not None
    data.stream.streamed.stream.call.__globals__["Y"][:60] += 50
    with pytest.raises(DataError, match=r"stream targets among .* Received others"):
        list(data.stream.batches(9, 16))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"folds": 2}, r"stream \(--stream\) without --folds"),
        ({"class_weights": "balanced"}, r"stream \(--stream\) without --class-weights"),
        (
            {"arguments": {"class_weights": "none"}},
            r"stream \(--stream\) without --set class_weights",
        ),
        ({"preparation": {"resampling": "none"}}, r"stream \(--stream\) without --set resampling"),
        ({"space": "net.py:Net"}, r"stream .* without a space with data"),
        ({"learns": "rows"}, "stream .* without a space that learns the rows"),
        ({"source": "digits"}, "--stream with a function"),
    ],
)
def test_what_a_stream_cannot_have_is_refused(more: dict[str, Any], told: str) -> None:
    """At the launch."""
    with pytest.raises(DataError, match=told):
        DataSpec(**{"source": "own.py:rows", "stream": True, **more})


def test_large_rows_make_a_small_sample() -> None:
    """It takes no more memory, nor do rows that are put together, whatever machine reads them."""
    for shape, rows, at_once in (
        ((64,), 4096, 256),
        ((256, 256), 1024, 64),
        ((1024, 1024, 2), 32, 2),
        ((1024, 1024, 8), 8, 1),
        ((1 << 29,), 1, 1),
    ):
        stream = RowStream(source="s", call=lambda: None, shape=shape)
        assert (stream.sample_rows, stream.rows_at_once) == (rows, at_once)


def test_a_sample_has_each_class() -> None:
    """Also one of a single row in many; of numbers that are no classes it has those drawn."""
    targets = np.zeros(100_000, int)
    targets[70_000] = 5
    stream = RowStream(
        source="s", call=lambda: (iter([(targets[:, None], targets)]), 0), shape=(1,)
    )
    assert set(look_through(stream, 0).sample.y) == {0, 5}
    assert set(look_through(stream, 0, of_classes=False).sample.y) == {0}


def test_memory_stays_flat() -> None:
    """A pass over twice as many rows holds no more at any time."""

    def peak(count: int) -> int:
        def call() -> Any:
            return ((np.ones((256, 1000)), np.zeros(256)) for _ in range(count)), None

        stream = RowStream(source="s", call=call, shape=(1000,))
        tracemalloc.start()
        looked = look_through(stream, 0)
        for _ in stream.in_batches(0, 100):
            pass
        assert looked.rows == 256 * count
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    small, large = peak(20), peak(40)
    assert large < 1.2 * small
