"""The model file takes raw rows, answers as the core does on scaled ones, and needs Keras only."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.support.plain_keras import run_without_project
from tuner.datasets import DataSpec, load, with_preprocessing
from tuner.models.evaluate import predict

pytestmark = pytest.mark.keras

SCORING = """
import json, sys
import keras, numpy
model = keras.saving.load_model(sys.argv[1])
answers = model.predict(numpy.load(sys.argv[2]), verbose=0)
print(json.dumps(answers.tolist()))
"""


def core(data):
    """An untrained network with the head of the data: weights do not matter here."""
    import keras

    return keras.Sequential(
        [
            keras.Input(data.inputs.shape),
            keras.layers.Flatten(),
            keras.layers.Dense(16, "tanh"),
            keras.layers.Dense(data.outputs.units, data.outputs.activation),
        ]
    )


@pytest.fixture
def images(tmp_path):
    """Bytes of the shape of colour images, three classes with text labels."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60, 5, 5, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", x=x, y=np.array(["cat", "dog", "eel"] * 20))
    return str(tmp_path / "images.npz")


@pytest.fixture
def two_targets(tmp_path):
    """A regression of two values, of which one column of x is constant and one is large."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=50), np.full(50, 7.0), 1e6 + rng.normal(size=50)], axis=1)
    y = np.stack([x[:, 0] * 100, 5 + x[:, 0]], axis=1)
    np.savez(tmp_path / "two.npz", x=x, y=y)
    return str(tmp_path / "two.npz")


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
@pytest.mark.parametrize("source", ["digits", "breast-cancer", "diabetes", "images", "two_targets"])
def test_raw_rows_give_the_answers_of_scaled_rows(source, scaling, request):
    """In the unit of the targets, for every kind of data and scaling."""
    if source in ("images", "two_targets"):
        source = request.getfixturevalue(source)
    data = load(DataSpec(source=source, scaling=scaling))
    model = core(data)
    expected = model.predict(data.test.x, verbose=0)
    if data.target_scaler is not None:
        expected = expected * data.target_scaler.spread + data.target_scaler.centre
    answers = predict(with_preprocessing(model, data), data.raw("test"))
    np.testing.assert_allclose(answers, expected, rtol=1e-5, atol=1e-5)


def test_the_weights_are_shared_with_the_core():
    """What the core learns later counts for the whole."""
    data = load(DataSpec(source="iris"))
    model = core(data)
    whole = with_preprocessing(model, data)
    before = whole.predict(data.raw("test"), verbose=0)
    model.set_weights([weights + 1 for weights in model.get_weights()])
    assert not np.allclose(whole.predict(data.raw("test"), verbose=0), before)


@pytest.mark.parametrize("source", ["digits", "diabetes"])
def test_the_file_scores_where_only_keras_is_known(source, tmp_path):
    """A stranger's process gets the same answers."""
    data = load(DataSpec(source=source))
    model = with_preprocessing(core(data), data)
    model.save(tmp_path / "best.keras")
    np.save(tmp_path / "rows.npy", data.raw("test"))
    said = run_without_project(SCORING, "best.keras", "rows.npy", folder=tmp_path)
    expected = model.predict(data.raw("test"), verbose=0)
    np.testing.assert_allclose(json.loads(said), expected, rtol=1e-5, atol=1e-5)


TABLE = """
import json, sys
import keras, numpy, tensorflow
model = keras.saving.load_model(sys.argv[1])
rows = json.loads(sys.argv[2])
named = {
    name: tensorflow.constant([[float("nan") if v is None else v] for v in column])
    for name, column in rows.items()
}
print(json.dumps(model(named).numpy().tolist()))
"""


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
def test_a_table_of_mixed_columns_goes_in_as_it_is(tmp_path, scaling):
    """By name: numbers, text, what is missing and what training never saw."""
    rng = np.random.default_rng(0)
    lines = ["age,job/role,income,ill"]
    for i in range(200):
        income = "" if i % 7 == 0 else f"{rng.normal(3000, 900):.2f}"
        lines.append(f"{rng.integers(18, 90)},{('nurse', 'smith', '')[i % 3]},{income},{i % 2}")
    (tmp_path / "people.csv").write_text("\n".join(lines))
    spec = DataSpec(source=str(tmp_path / "people.csv"), target="ill", impute=True, scaling=scaling)
    data = load(spec)
    model = core(data)
    with_preprocessing(model, data).save(tmp_path / "model.keras")
    raw = data.raw("test")
    rows = {
        name: [None if v != v else v for v in column[:, 0].tolist()] for name, column in raw.items()
    }
    rows["job/role"][0] = "pilot"
    said = run_without_project(TABLE, "model.keras", json.dumps(rows), folder=tmp_path)
    encoded = data.test.x.copy()
    encoded[0, 2:6] = 1, 0, 0, 0  # age takes two columns; unknown is the first of the job's
    expected = model.predict(encoded, verbose=0)
    np.testing.assert_allclose(json.loads(said), expected, rtol=1e-5, atol=1e-5)


def learner(data):
    """A functional model whose class says how it learns."""
    import keras

    class Learner(keras.Model):
        def train_step(self, data):
            return self.compute_metrics(*data, self(data[0]))

    rows = keras.Input(data.inputs.shape)
    return Learner(rows, keras.layers.Dense(data.outputs.units)(rows))


def test_a_class_that_only_learns_stays_behind(tmp_path):
    """The file opens where it is not known."""
    import keras

    data = load(DataSpec(source="iris", learns="rows"))
    core = learner(data)
    with_preprocessing(core, data).save(tmp_path / "model.keras")
    opened = keras.saving.load_model(tmp_path / "model.keras")
    scaled = core.predict(data.test.x, verbose=0)
    expected = scaled * data.target_scaler.spread + data.target_scaler.centre
    np.testing.assert_allclose(opened.predict(data.raw("test"), verbose=0), expected, atol=1e-5)


@pytest.fixture
def half_precision():
    """Keras's global policy for the time of a test."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


def test_scaling_stays_exact_under_half_precision(two_targets, half_precision):
    """A raw 1e6 is infinite in float16: only scaled rows may be rounded, by the core itself."""
    data = load(DataSpec(source=two_targets))
    model = core(data)
    expected = model.predict(data.test.x, verbose=0) * data.target_scaler.spread
    answers = predict(with_preprocessing(model, data), data.raw("test"))
    # Processors with half precision of their own round sums by the shape of the graph.
    rounding = 8 * np.finfo(np.float16).eps * np.abs(expected).max(axis=0)
    assert (np.abs(answers - expected - data.target_scaler.centre) < rounding).all()


def test_rows_by_column_are_predicted_in_a_graph(tmp_path):
    """As ``predict`` of a loaded model does it; columns may have any name."""
    import keras
    import tensorflow as tf

    lines = [f"{i % 7}.5,{'red' if i % 3 else 'pale'},{i % 2}" for i in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["petal length (cm),how/why,kind", *lines]))
    data = load(DataSpec(source=str(tmp_path / "t.csv"), target="kind"))
    model = core(data)
    with_preprocessing(model, data).save(tmp_path / "model.keras")
    rows = {name: tf.constant(values) for name, values in data.raw("test").items()}
    answers = keras.saving.load_model(tmp_path / "model.keras").predict(rows, verbose=0)
    np.testing.assert_allclose(answers, model.predict(data.test.x, verbose=0), atol=1e-5)
