"""Columns and resampling as trials search them: exported models, losses, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from search_spaces.errors import SpaceError
from tests.support.fits import BASE, fit, stock_fit
from tuner.datasets import DataSpec, load, with_preprocessing
from tuner.errors import UserError
from tuner.models.evaluate import predict
from tuner.study_setup.validation import validate
from tuner.study_setup.validation_plan import ValidationPlan

pytestmark = pytest.mark.keras


def test_losses_are_those_of_keras_on_rows_that_are_drawn() -> None:
    """And the exported model answers as Keras alone does on what scikit-learn makes of raw rows."""
    preparation = {"features": "pca:6", "resampling": "smote"}
    data = load(DataSpec(source="breast-cancer", preparation=preparation))
    point = {**BASE, "layers": 1, "epochs": 2}
    ours, stock = fit(data, point), stock_fit(data, point)
    assert ours.distance(stock) < 1e-5
    check_export(stock.model, with_preprocessing(ours.model, data), PCA(6))


def test_an_exported_model_takes_all_columns(tmp_path: Path) -> None:
    """From its file, and looks at the best ones."""
    data = load(DataSpec(source="breast-cancer", preparation={"features": "kbest:5"}))
    core = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, "sigmoid")])
    with_preprocessing(core, data).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert model.input_shape == (None, 30)
    check_export(core, model, SelectKBest(f_classif, k=5))


def check_export(core: keras.Model, exported: keras.Model, method: Any) -> None:
    """Compares answers to raw rows with those of a model behind scikit-learn's pipeline."""
    plain = load(DataSpec(source="breast-cancer"))
    by_hand = make_pipeline(StandardScaler(), method).fit(plain.raw("train"), plain.train.y)
    for part in ("train", "test"):
        rows = np.asarray(plain.raw(part))
        expected = core.predict(by_hand.transform(rows).astype(np.float32), verbose=0)
        np.testing.assert_allclose(predict(exported, rows), expected, rtol=1e-5, atol=1e-5)


def test_a_table_is_encoded_before_its_columns_are_selected(tmp_path: Path) -> None:
    """Under half precision too: the model takes all columns by their names."""
    rows = "".join(f"{i % 7},{'abc'[i % 3]},{i % 5}.5,{i % 2}\n" for i in range(80))
    (tmp_path / "a.csv").write_text(f"n,c,m,y\n{rows}")
    source = str(tmp_path / "a.csv")
    data = load(DataSpec(source=source, target="y", preparation={"features": "pca:3"}))
    keras.config.set_dtype_policy("mixed_float16")
    try:
        core = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, dtype="float32")])
        model = with_preprocessing(core, data)
    finally:
        keras.config.set_dtype_policy("float32")
    answers = predict(model, data.raw("test"))
    np.testing.assert_allclose(answers, core.predict(data.test.x, verbose=0), atol=1e-5)


def plan(*overrides: str, space: str = "mlp", **data: Any) -> ValidationPlan:
    return ValidationPlan(space=space, overrides=overrides, data=DataSpec(**data), metrics=())


def test_a_launch_tells_of_the_rows_of_the_source() -> None:
    """Whatever the defaults make of them."""
    plain = validate(plan(source="breast-cancer"))
    result = validate(plan("features=pca:2", "resampling=over,smote", source="breast-cancer"))
    assert result.outline == plain.outline
    assert result.data.preparation == {"features": "pca:2", "resampling": "over"}


def test_a_launch_says_what_smote_does_with_categories(tmp_path: Path) -> None:
    """In one line."""
    rows = "".join(f"{i % 7},{'abc'[i % 3]},{'yes' if i % 4 else 'no'}\n" for i in range(80))
    (tmp_path / "a.csv").write_text(f"n,c,y\n{rows}")
    for asked, said in (("none,smote", 1), ("none,over", 0)):
        result = validate(plan(f"resampling={asked}", source=str(tmp_path / "a.csv"), target="y"))
        assert sum("resampling=smote takes what" in note for note in result.notes) == said


@pytest.mark.parametrize(
    ("asked", "source", "space", "line"),
    [
        ("features=all,kbest:31", "breast-cancer", "mlp", "at most 30 features"),
        ("features=all,kbest:3", "digits", "autoencoder", "a space that learns the rows"),
        ("resampling=none,over", "diabetes", "mlp", "the task regression"),
        ("batch_size=128", "iris", "mlp", "at least 128 training rows"),
    ],
)
def test_what_cannot_be_is_one_line_at_launch(
    asked: str, source: str, space: str, line: str
) -> None:
    """Also where it is not the default."""
    with pytest.raises((SpaceError, UserError)) as caught:
        validate(plan(asked, source=source, space=space))
    message = str(caught.value)
    assert line in message
    assert len(message.splitlines()) == 1


OWN = """
import keras
import numpy as np
from search_spaces import Choice, Int, SearchSpace

class Net(SearchSpace):
    columns = Int(2, 4, default=4)
    kernel = Int(2, 3)

    def data(self, hyperparameters, data):
        {body}
        return {{n: data[n][:, : hyperparameters["columns"]] for n in data if n[0] == "x"}}

    def build(self, hyperparameters, inputs, outputs):
        x = keras.Input(inputs.shape)
        hidden = keras.layers.Reshape((*inputs.shape, 1))(x)
        hidden = keras.layers.Conv1D(2, hyperparameters["kernel"])(hidden)
        hidden = keras.layers.Flatten()(hidden)
        return keras.Model(x, keras.layers.Dense(outputs.units, outputs.activation)(hidden))
"""


@pytest.mark.parametrize(
    ("body", "kernel", "line"),
    [
        ("pass", "2", None),
        ("pass", "3", "With columns=2: build() of net raised"),
        ("data['x_train'] += np.random.default_rng().random()", "2", "others the second time"),
        (
            "if hyperparameters['columns'] < 4: "
            "data['x_train'] += np.random.default_rng().random()",
            "2",
            "data() of net.py:Net with columns=2 to return the same rows",
        ),
    ],
)
def test_a_space_that_changes_rows_is_tried_at_its_ends(
    tmp_path: Path, body: str, kernel: str, line: str | None
) -> None:
    """With the model that it builds for these rows; and asked twice."""
    (tmp_path / "net.py").write_text(OWN.format(body=body))
    asked = plan(f"kernel={kernel}", source="iris", space=f"{tmp_path / 'net.py'}:Net")
    if line is None:
        result = validate(asked)
        assert result.data.hyperparameters == {"columns": 4}
        assert result.data.space == asked.space
        return
    with pytest.raises((SpaceError, UserError)) as caught:
        validate(asked)
    assert line in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
