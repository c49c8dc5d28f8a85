"""What a model file makes of raw dates and texts is what the study's own model was trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.plain_keras import run_without_project
from tests.support.prose import sentences
from tuner.datasets import Data, DataSpec, load, with_preprocessing
from tuner.datasets.columns import date_layers, dates, texts

pytestmark = pytest.mark.keras

TABLE = """
import json, sys
import keras, numpy, tensorflow
model = keras.saving.load_model(sys.argv[1])
rows = json.load(open(sys.argv[2]))
named = {
    name: tensorflow.constant([[float("nan") if v is None else v] for v in column])
    for name, column in rows.items()
}
print(json.dumps(model(named).numpy().tolist()))
"""


STRANGE = [
    "Unheard, of words!",
    "THE É É of é the\u00a0is \u2028 the",
    "a\x0bthe\x0cis\r\n\tof\x1cthe",
    "日本語 the 日本語!",
    "...",
    "",
]


def core(data: Data):
    """An untrained network with the head of the data: weights do not matter here."""
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input(data.inputs.shape),
            keras.layers.Dense(16, "tanh"),
            keras.layers.Dense(data.outputs.units, data.outputs.activation),
        ]
    )


def table(folder: Path) -> Path:
    """Sentences with the time at which they were said, a mood and a loudness; all with gaps."""
    rng, said = np.random.default_rng(0), sentences()
    at = pd.Timestamp("2019-12-30 23:00") + pd.to_timedelta(rng.integers(0, 4e7, len(said)), "s")
    frame = pd.DataFrame({"said": said, "at": at})
    frame["mood"] = rng.choice(["glad", "sad"], len(said))
    frame["loud"] = rng.normal(60, 9, len(said))
    frame["about"] = frame["said"].str.contains("data")
    for row, name in enumerate(["said", "at", "mood", "loud"]):
        frame.loc[row::11, name] = None
    frame.to_parquet(folder / "said.parquet")
    return folder / "said.parquet"


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
def test_a_table_of_all_kinds_goes_in_as_it_is(tmp_path: Path, scaling: str):
    """By name, where only Keras is known: words that training never had, gaps, other centuries."""
    spec = DataSpec(source=str(table(tmp_path)), target="about", impute=True, scaling=scaling)
    data = load(spec)
    assert set(data.encoder.kinds.values()) == {"text", "date", "category", "number"}
    raw = data.raw("test")
    for row, text in enumerate(STRANGE):
        raw["said"][row] = text
    raw["at"][1] = "1899-12-31"
    model = core(data)
    structured = data.selections["test"].rows.x[data.selections["test"].indices]
    structured["said"], structured["at"][1] = raw["said"][:, 0], raw["at"][1, 0]
    expected = model.predict(data.encoder.transform(structured), verbose=0)
    with_preprocessing(model, data).save(tmp_path / "model.keras")
    rows = {
        name: [None if v != v else v for v in column[:, 0].tolist()] for name, column in raw.items()
    }
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    said = run_without_project(TABLE, "model.keras", "rows.json", folder=tmp_path)
    np.testing.assert_allclose(json.loads(said), expected, rtol=1e-6, atol=1e-6)


def in_graph(text: list[str], column: dates.Date) -> np.ndarray:
    """What a model makes of dates, ``(rows, width)``."""
    import keras
    import tensorflow as tf

    entrance = keras.Input((1,), dtype="string")
    pieces = date_layers.encode_dates(entrance, column, name="characters")
    model = keras.Model(entrance, keras.layers.Concatenate()(pieces))
    return np.asarray(model(tf.constant([[one] for one in text])))


@pytest.mark.parametrize("impute", [True, False])
def test_the_calendar_of_a_model_is_numpys(impute: bool):
    """Of every year that has four digits, to the second."""
    rng = np.random.default_rng(0)
    ends = np.array(["0001-03-01", "9999-12-31"], "datetime64[s]").astype(int)
    times = rng.integers(*ends, 5000).astype("datetime64[s]")
    times[:3] = np.datetime64("NaT")
    column = dates.fit("at", times, "standard", impute=impute)
    assert column.cycles == ("month", "weekday", "hour")
    found = in_graph(dates.as_text(times).tolist(), column)
    np.testing.assert_allclose(found, column.encode(times), atol=1e-6)
    assert impute or np.isnan(found[:3, 0]).all()


def test_other_forms_of_a_date_mean_the_same_and_others_nothing():
    """In the graph of the exported model."""
    known = np.array(["2024-02-29", "2024-02-29T12:30", "2024-02-29T12:30:59"], "datetime64[s]")
    column = dates.fit("at", known, "none", impute=False)
    for same in (
        ["2024-02-29T00:00", "2024-02-29 12:30", "2024-02-29T12:30:59.999Z"],
        ["2024-02-29T02:00+02:00", "2024-03-01 12:29:00.5+2359", "2024-02-28T22:30:59-14:00"],
    ):
        np.testing.assert_allclose(in_graph(same, column), column.encode(known), atol=1e-6)
    none = ["29.02.2024", "2024-2-29", "2024-02-29T1", "2024-02-30", "soon", ""]
    none += ["2024-02-29+02:00", "2024-02-29T12:30:59.", "2024-02-29T12:30+2", "2024-02-29T24:00"]
    assert np.isnan(in_graph(none, column)[:, 0]).all()


def test_words_weigh_what_keras_would_find():
    """``TextVectorization.adapt`` sees the same words in the same number of rows."""
    import keras

    said = np.array(sentences(), object)
    column = texts.fit("said", said)
    layer = keras.layers.TextVectorization(output_mode="tf_idf")
    layer.adapt(said)
    places = {word: place for place, word in enumerate(layer.get_vocabulary())}
    alone = np.asarray(layer(np.array(column.words)[:, None]))
    weights = [alone[row, places[word]] for row, word in enumerate(column.words)]
    np.testing.assert_allclose(column.weights, weights, rtol=1e-6)
