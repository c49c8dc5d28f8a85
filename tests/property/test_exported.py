"""Whatever columns are called and hold: preparation, `tuner predict` and plain Keras agree."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_spaces.model_inputs import wrap_for_matrix
from tuner.datasets import Data, DataSpec, load, with_preprocessing
from tuner.datasets.columns import column_kinds, dates, encoding
from tuner.datasets.columns.encoding import MISSING
from tuner.datasets.preprocessing_model import LONGEST
from tuner.models import card
from tuner.models.ensemble import average
from tuner.models.evaluate import predict
from tuner.models.predict import predict_table

pytestmark = pytest.mark.keras

ROWS = 60
NAMES = "When providing `inputs` as a dict"  # all keys must be names of tensors
OURS = ("rows", "encoding", "core", "scaling", "unscaling", "column 0", "column 1_", "all_columns")
STRANGE = (
    "a/b",
    "",
    " ",
    "é日本",
    "a\nb",
    "a\0b",
    "x" * 3000,
    "class_name",
    "config",
    "..",
    "training",
)


def names_of_keras() -> list[str]:
    """Of all operations and layers, and as Keras calls those that have no name of their own."""
    import keras
    from keras.src.utils.naming import to_snake_case

    found = {*dir(keras.ops), *dir(keras.layers)}
    snakes = {to_snake_case(name) for name in found if not name.startswith("_")}
    return sorted(found | snakes | {f"{name}_1" for name in snakes})


def core(width: int, name: str) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    x = keras.Input((width,))
    return keras.Model(x, keras.layers.Dense(1, "tanh")(x), name=name)


def columns_of(names: list[str]) -> np.ndarray:
    """Rows with a column of each kind in turn."""
    rng = np.random.default_rng(0)
    kinds = ["M8[s]", "O", "U4", "f8"]
    rows = np.empty(ROWS, [(f"f{i}", kinds[i % 4]) for i in range(len(names))])
    for i in range(len(names)):
        rows[f"f{i}"] = [
            np.datetime64(int(1.7e9), "s") + rng.integers(0, 10**8, ROWS).astype("m8[s]"),
            rng.choice(["the word", "no word"], ROWS),
            rng.choice(["", "red"], ROWS),
            np.where(rng.random(ROWS) < 0.1, np.nan, 1.7e9 + rng.normal(size=ROWS)),
        ][i % 4]
    rows.dtype.names = tuple(names)
    return rows


def encoded(encoder: Any) -> Any:
    """Data of a table, as far as what goes inside a model looks at them."""
    return SimpleNamespace(
        encoder=encoder,
        inputs_encoder=None,
        heads=None,
        scaler=None,
        target_scaler=None,
        features=None,
    )


def can_be_of_a_tensor(name: str) -> bool:
    """Whether Keras takes it for one."""
    return name.isprintable() and "/" not in name and len(name) <= LONGEST


def checked(names: list[str], model_name: str, folder: Path) -> None:
    """A saved model with such columns answers by their names as its core does."""
    import keras
    import tensorflow as tf

    rows = columns_of(names)
    encoder = encoding.fit(rows, "standard", impute=True)
    data = encoded(encoder)
    model = core(encoder.width, model_name)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", NAMES, UserWarning)
        with_preprocessing(model, data).save(folder / "model.keras")
        if not all(map(can_be_of_a_tensor, names)):
            warnings.filterwarnings("ignore", NAMES, UserWarning)  # when plain Keras opens it
        loaded = keras.saving.load_model(folder / "model.keras")
    named = {name: tf.constant(v) for name, v in encoding.by_column(rows).items()}
    expected = np.asarray(model(encoder.transform(rows)))
    np.testing.assert_allclose(np.asarray(loaded(named)), expected, atol=1e-5)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_name_of_a_column_meets_one_of_the_graph(data: st.DataObject) -> None:
    """Those of Keras's operations, of ours, and any others; the model itself may be called so."""
    keras_names = st.sampled_from(names_of_keras())
    one = keras_names | st.sampled_from([*OURS, *STRANGE]) | st.text(max_size=20)
    names = data.draw(st.lists(one, min_size=1, max_size=8, unique=True).filter(_are_fields))
    model_name = data.draw(keras_names | st.sampled_from(OURS))
    with tempfile.TemporaryDirectory() as folder:
        checked(names, model_name, Path(folder))


def _are_fields(names: list[str]) -> bool:
    """NumPy calls a field without a name by its place."""
    return not any(name.startswith("f") and name[1:].isdigit() for name in names) and all(names)


def test_names_that_lost_models(tmp_path: Path) -> None:
    """All together, each beside each kind of column."""
    known = ["floor", "cast", "where", "a/b", "column 0", "all_columns", "concatenate", "isnan"]
    for names in (known, known[1:], known[2:], known[3:]):
        checked(names, "where", tmp_path)


def test_an_ensemble_answers_by_any_name(tmp_path: Path) -> None:
    """Also by those that its own parts would have."""
    import keras
    import tensorflow as tf

    rows = columns_of(["at", "said", "mean_of_0", "trial_1", "where", "ensemble", "trial_2"])
    encoder = encoding.fit(rows, "standard", impute=True)
    data = encoded(encoder)
    cores = [core(encoder.width, name) for name in ("where", "mean_of_0")]
    cores[1].set_weights([2 * weights for weights in cores[0].get_weights()])
    trials: Any = [SimpleNamespace(number=number) for number in (1, 2)]
    average(data, trials, [with_preprocessing(one, data) for one in cores]).save(
        tmp_path / "mean.keras"
    )
    named = {name: tf.constant(v) for name, v in encoding.by_column(rows).items()}
    found = np.asarray(keras.saving.load_model(tmp_path / "mean.keras")(named))
    expected = np.mean([np.asarray(one(encoder.transform(rows))) for one in cores], axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_inputs_and_outputs_may_be_called_as_ours_are(tmp_path: Path) -> None:
    """Several of them, beside a model that is called so, too."""
    import keras

    (tmp_path / "data.py").write_text(
        "import numpy as np\nx = 1.7e9 + np.arange(120.0).reshape(60, 2)\n"
        "def load(): return ({'scaling_of_0': x, 'unscaling_of_0': x, 'rows': x}, "
        "{'unscaling_of_0': x[:, 0], 'cast': x[:, 1]})"
    )
    data = load(DataSpec(source=f"{tmp_path / 'data.py'}:load", task="cast=regression"))
    inputs = {n: keras.Input((2,), name=n) for n in ("scaling_of_0", "unscaling_of_0", "rows")}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    outputs = {n: keras.layers.Dense(1)(joined) for n in ("unscaling_of_0", "cast")}
    model = keras.Model(inputs, outputs, name="scaling_of_1")
    whole = wrap_for_matrix(model, data.inputs, data.outputs)
    with_preprocessing(whole, data).save(tmp_path / "model.keras")
    found: Any = predict(keras.saving.load_model(tmp_path / "model.keras"), data.raw("test"))
    scaler: Any = data.target_scaler
    answers = np.asarray(whole(data.test.x)) * scaler.spread + scaler.centre
    for place, name in enumerate(data.heads or ()):
        np.testing.assert_allclose(found[name][:, 0], answers[:, place], rtol=0, atol=1e-3)


def table() -> pd.DataFrame:
    """Dates in all forms, categories with all spellings of what is missing, large numbers."""
    rng = np.random.default_rng(0)
    days = [f"20{y:02d}-{m:02d}-28" for y, m in rng.integers([10, 1], [24, 12], (ROWS, 2))]
    times = ["", "T23:30", " 00:15:59", "T23:59:59.999999999"]
    zones = ["", "Z", "+02:00", "-0930"]
    return pd.DataFrame(
        {
            "at": [
                day + times[i % 4] + (zones[i // 4 % 4] if i % 4 else "")
                for i, day in enumerate(days)
            ],
            "kind": [(*MISSING, "red", "blue")[i % (len(MISSING) + 2)] for i in range(ROWS)],
            "city": [f"c{n}" for n in rng.integers(0, 12, ROWS) ** 2 // 12],
            "said": rng.choice(["Well, a word!", "no WORD at all", "nothing of these"], ROWS),
            "size": 1.7e9 + rng.integers(0, 50, ROWS),
            "cost": 1.7e9 + 5.0 * rng.integers(0, 90, ROWS),
        }
    )


def test_the_three_ways_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows as a table holds them: prepared, predicted from a file, and given to plain Keras.

    Of many categories, the rare ones share an input.
    """
    monkeypatch.setattr(column_kinds, "MOST_CATEGORIES", 4)
    import keras
    import tensorflow as tf

    frame = table()
    frame.to_csv(tmp_path / "t.csv", index=False)
    spec = DataSpec(
        source=str(tmp_path / "t.csv"),
        target="cost",
        impute=True,
        text=("said",),
        task="regression",
    )
    data = load(spec)
    assert data.encoder is not None
    assert data.target_scaler is not None
    assert [*data.encoder.kinds.values()] == ["date", *["category"] * 2, "text", "number"]
    assert data.encoder.columns[2].width == 1 + 4
    model = core(data.encoder.width, "core")
    path = exported(model, data, spec, tmp_path)
    order = data.selections["test"].indices
    expected = np.asarray(model(data.test.x)).astype(float)
    expected = expected * data.target_scaler.spread + data.target_scaler.centre
    given = frame.iloc[order]
    given[["size", "said", "city", "at", "kind"]].to_csv(tmp_path / "new.csv", index=False)
    predicted = predict_table(str(path), str(tmp_path / "new.csv"))["prediction"]
    np.testing.assert_allclose(predicted, expected[:, 0], rtol=0, atol=1e-3)
    plain = keras.saving.load_model(path)
    named = {name: tf.constant(given[[name]].to_numpy()) for name in data.encoder.kinds}
    answers = np.asarray(plain(named))
    assert answers.dtype == np.float64
    np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-3)
    rows = tf.data.Dataset.from_tensor_slices(named).batch(7)
    np.testing.assert_allclose(plain.predict(rows, verbose=0), expected, rtol=0, atol=1e-3)


def exported(model: Any, data: Data, spec: DataSpec, folder: Path) -> Path:
    """A model's file with what its card says of the data."""
    with_preprocessing(model, data).save(folder / "model.keras")
    study: Any = SimpleNamespace(data=spec, data_fingerprint=data.fingerprint)
    document = {"data": card.of_data(study, data, {})}
    (folder / "model.json").write_text(json.dumps(document))
    return folder / "model.keras"


@pytest.mark.parametrize("scaling", ["standard", "minmax"])
def test_arrays_that_float32_cannot_hold_are_told_apart(tmp_path: Path, scaling: str) -> None:
    """Unix seconds and an offset of 1.7e9 in the targets, by the file that a stranger opens."""
    import keras

    rng = np.random.default_rng(0)
    x = 1.7e9 + 300.0 * np.arange(288)[:, None] + [0, 1]
    x[:, 1] = rng.integers(0, 9, 288)
    y = np.stack([1.7e9 + 5 * x[:, 1], x[:, 1]], axis=1)
    np.savez(tmp_path / "large.npz", x=x, y=y)
    spec = DataSpec(source=str(tmp_path / "large.npz"), scaling=scaling)
    data = load(spec)
    assert data.target_scaler is not None
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "tanh")])
    path = exported(model, data, spec, tmp_path)
    expected = np.asarray(model(data.test.x)).astype(float)
    expected = expected * data.target_scaler.spread + data.target_scaler.centre
    plain = keras.saving.load_model(path)
    raw = data.raw("test")
    for answers in (predict(plain, raw), np.asarray(plain(raw))):
        np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-4)
        assert len(np.unique(answers[:, 0])) == len(raw)
    whole: Any = raw
    by_keras = plain.predict(whole.astype(np.int64), verbose=0)
    np.testing.assert_allclose(by_keras, expected, rtol=0, atol=1e-4)


@st.composite
def written(draw: st.DrawFn) -> str:
    """A date in any form that a table may hold, or nearly one."""
    day = draw(st.dates()).isoformat()
    if draw(st.booleans()):
        return day
    time = draw(st.times()).isoformat(draw(st.sampled_from(["minutes", "seconds", "microseconds"])))
    zone = st.sampled_from(["", "Z", "+02:00", "-0930", "+23:59", "-00:01", "+24:00", "+02:60"])
    text = day + draw(st.sampled_from("T ")) + time + draw(zone)
    if draw(st.integers(0, 9)):
        return text
    place = draw(st.integers(0, len(text) - 1))
    return text[:place] + draw(st.sampled_from("0123456789-+:. TZxé")) + text[place + 1 :]


def test_a_model_reads_the_dates_that_tables_may_hold(reader: Any) -> None:
    """And no others: those are missing."""

    @settings(max_examples=20, deadline=None)
    @given(st.lists(written(), min_size=1, max_size=50))
    def holds(texts: list[str]) -> None:
        column, read = reader
        times = np.array([_read(text) for text in texts], "datetime64[s]")
        np.testing.assert_allclose(read(texts), column.encode(times), atol=1e-5)

    holds()


def _read(text: str) -> np.datetime64:
    try:
        found: np.datetime64 = dates.read(pd.Series([text]), "here")[0]
    except dates.DataError:
        return np.datetime64("NaT", "s")
    return found


@pytest.fixture(scope="module")
def reader() -> Any:
    """A column of dates, and what a model makes of texts in it."""
    import keras
    import tensorflow as tf

    from tuner.datasets.columns import date_layers

    times = np.arange("2000-01-01", "2010-01-01", 12345, dtype="datetime64[s]")
    column = dates.fit("at", times, "standard", impute=True)
    x = keras.Input((1,), dtype="string")
    pieces = date_layers.encode_dates(x, column, name="characters")
    model = keras.Model(x, keras.layers.Concatenate(dtype="float32")(pieces))
    return column, lambda texts: np.asarray(model(tf.constant([[text] for text in texts])))


def test_missing_values_are_spelt_as_pandas_takes_them(tmp_path: Path) -> None:
    """Every text that counts as missing here is missing for pandas, too."""
    (tmp_path / "a.csv").write_text("a,b\n" + "\n".join(f"{text},1" for text in MISSING))
    assert pd.read_csv(tmp_path / "a.csv")["a"].isna().all()
