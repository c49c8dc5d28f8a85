"""Models that could not be loaded again are refused before the first trial."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from search_spaces.user_code.process_state import SETTINGS, Snapshot
from search_spaces.user_code.source_files import load_file
from tuner.datasets import DataSpec
from tuner.errors import UserError
from tuner.study_setup.validation import examine
from tuner.study_setup.validation_plan import ValidationPlan
from tuner.trials.reload_check import check_reload

pytestmark = pytest.mark.keras

NET = """
import keras

class Plain(keras.layers.Layer):
    def call(self, x):
        return 2 * x

@keras.saving.register_keras_serializable(package="reloading")
class Known(Plain):
    pass

@keras.saving.register_keras_serializable(package="reloading")
class Scaled(keras.layers.Layer):
    def __init__(self, function, factor=1.0, **more):
        super().__init__(**more)
        self.function, self.factor = function, factor
    def call(self, x):
        return self.factor * self.function(x)

@keras.saving.register_keras_serializable(package="reloading")
class Forgetful(Scaled):
    def __init__(self, factor=1.0, **more):
        super().__init__(keras.ops.tanh, factor, **more)
    def get_config(self):
        return keras.layers.Layer.get_config(self)

@keras.saving.register_keras_serializable(package="reloading")
class Noisy(keras.layers.Layer):
    def call(self, x):
        return x + keras.random.normal((4,))

@keras.saving.register_keras_serializable(package="reloading")
class Leaves(Known):
    def get_config(self):
        raise SystemExit(0)

def unsafe(layer):
    keras.config.enable_unsafe_deserialization()
    return layer

def model(layer, shape=(4,)):
    x = keras.Input(shape)
    return keras.Model(x, keras.layers.Dense(3, "softmax")(layer(x)))

def build(trial, inputs, outputs):
    return model({layer})
"""


def net(folder: Path, layer: str) -> Path:
    path = folder / "net.py"
    path.write_text(NET.replace("{layer}", layer))
    return path


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        ("keras.layers.Lambda(lambda x: 2 * x)", "ambda"),
        ("unsafe(keras.layers.Lambda(lambda x: 2 * x))", "ambda"),
        ("Plain()", "Plain"),
        ("Scaled(keras.ops.tanh)", "Scaled"),
        ("Forgetful(3.0)", "answers differently"),
        ("Leaves()", "SystemExit: 0"),
        ("keras.layers.Dense(4, activation=lambda x: x)", ""),
    ],
)
def test_who_cannot_be_loaded_is_refused_before_a_study_is_made(
    tmp_path: Path, layer: str, told: str
):
    """In one line that says what to do."""
    plan = ValidationPlan(
        space=f"{net(tmp_path, layer)}:build",
        overrides=(),
        data=DataSpec(source="iris"),
        metrics=(),
    )
    with pytest.raises(UserError, match="can be loaded again from its file") as caught:
        examine(plan)
    line = str(caught.value)
    assert told in line
    assert "net.py:build" in line
    assert "register_keras_serializable() and a full get_config()" in line
    assert "\n" not in line
    assert len(line) <= 330


@pytest.mark.parametrize("layer", ["Known()", "Noisy()", "keras.layers.Dense(4, 'tanh')"])
def test_who_can_be_loaded_passes(tmp_path: Path, layer: str):
    """One that answers at random is not asked to answer the same."""
    source = load_file(net(tmp_path, layer))
    check_reload(source.attribute("build")(None, None, None), "net", np.ones((4, 4), np.float32))


def test_a_model_that_was_not_built_is_built_by_asking(tmp_path: Path):
    """A subclass of ``keras.Model`` is, too."""

    @keras.saving.register_keras_serializable(package="reloading")
    class Own(keras.Model):
        def __init__(self, **more: object) -> None:
            super().__init__(**more)
            self.dense = keras.layers.Dense(3)

        def call(self, x: object) -> object:
            return self.dense(x)

    check_reload(Own(), "net", np.ones((4, 4), np.float32))


def test_what_keras_and_tensorflow_compute_by_is_put_back():
    """A later trial would come out otherwise, or a model that nobody can load pass for another."""
    before = {s.name: s.take() for s in SETTINGS if s.is_loaded and s.reported}
    snapshot = Snapshot()
    keras.config.enable_unsafe_deserialization()
    keras.config.set_floatx("float64")
    tf.config.optimizer.set_jit(True)
    tf.config.experimental.enable_op_determinism()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    changes = snapshot.put_back()
    assert sorted(changes) == [
        "Keras's safe mode",
        "TensorFloat-32",
        "TensorFlow's determinism",
        "TensorFlow's just-in-time compilation",
        "floatx from float32 to float64",
    ]
    assert {s.name: s.take() for s in SETTINGS if s.is_loaded and s.reported} == before
