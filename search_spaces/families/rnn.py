"""Recurrent networks, for sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.families import common_layers
from search_spaces.parameters.choices import Choice
from search_spaces.parameters.literals import Limits
from search_spaces.parameters.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    import keras

# Elman, Finding Structure in Time, 1990; Hochreiter and Schmidhuber, Long Short-Term Memory,
# 1997; Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014.
CELLS = {"simple": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
POOLINGS = ("last", "average", "max")
_SHARE = Limits(at_least=0, below=1)


class RNN(SearchSpace):
    """Recurrent network for sequences: rows (steps,) or (steps, features), or texts.

    Of a text each word becomes a vector that is learned. What fills up short texts is passed over,
    but for the pooling ``max``, which takes it for a word. Where each step has a target, each is
    answered, and nothing is pooled or passed over.
    """

    input_axes = (("steps",), ("steps", "features"))
    output_axes = ((), ("steps",))
    other_size = "seq2seq"
    takes_words = True
    alternative = "cnn for images"

    cell = Choice(["lstm", "gru", "simple"], help="recurrent layer: LSTM, GRU or simple (Elman)")
    layers = Int(1, 2, default=1, limits=Limits(at_least=1, at_most=100), help="recurrent layers")
    units = Int(
        16,
        128,
        log=True,
        default=64,
        limits=Limits(at_least=1),
        per="layers",
        help="units of a recurrent layer, per direction",
    )
    bidirectional = Choice([False, True], help="bidirectional layers")
    embedding = Int(64, 64, limits=Limits(at_least=1), help="size of the word embedding")
    pooling = Choice(
        POOLINGS, help="input of the head: last state, or average or max pooling over time"
    )
    dropout = Float(
        0.0,
        0.5,
        step=0.1,
        default=0.0,
        limits=_SHARE,
        help="dropout rate of a layer's inputs",
    )
    recurrent_dropout = Float(
        0.0,
        0.3,
        step=0.1,
        default=0.0,
        limits=_SHARE,
        help="dropout rate of the recurrent state",
    )
    penalty = Float(
        0.0,
        0.0,
        limits=Limits(at_least=0),
        disabled_value=0.0,
        help="weight of the regularization of input kernels",
    )
    regularizer = common_layers.REGULARIZER
    initializer = common_layers.INITIALIZER

    initial_points = (
        {"optimizer": "adam", "learning_rate": 3e-3, "batch_size": 64},
        {"optimizer": "adam", "cell": "gru", "bidirectional": True, "pooling": "average"},
        {"optimizer": "adam", "layers": 2, "dropout": 0.2, "batch_size": 64},
    )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        self.check(inputs)
        x = rows = common_layers.rows(inputs)
        if inputs.vocabulary is not None:
            x = keras.layers.Embedding(
                inputs.vocabulary,
                hyperparameters["embedding"],
                # There is a layer that knows no mask, and steps with targets all count.
                mask_zero=hyperparameters["pooling"] != "max" and not outputs.axes,
                name="words",
            )(x)
        elif len(inputs.shape) == 1:
            x = keras.layers.Reshape((*inputs.shape, 1), name="feature")(x)
        last = hyperparameters["layers"] - 1
        for i in range(hyperparameters["layers"]):
            every_step = i < last or hyperparameters["pooling"] != "last" or bool(outputs.axes)
            x = self._layer(hyperparameters, i, every_step)(x)
        if hyperparameters["pooling"] != "last" and not outputs.axes:
            kind = hyperparameters["pooling"].capitalize()
            x = getattr(keras.layers, f"Global{kind}Pooling1D")(name="pooling")(x)
        return keras.Model(rows, common_layers.head(x, outputs), name=self.name)

    def _layer(
        self, hyperparameters: Mapping[str, Any], i: int, every_step: bool
    ) -> keras.layers.Layer:
        import keras

        layer = getattr(keras.layers, CELLS[hyperparameters["cell"]])(
            hyperparameters[f"units_{i}"],
            return_sequences=every_step,
            dropout=hyperparameters["dropout"],
            recurrent_dropout=hyperparameters["recurrent_dropout"],
            kernel_initializer=hyperparameters.get("initializer", common_layers.USUAL_INITIALIZER),
            kernel_regularizer=common_layers.kernel_penalty(
                hyperparameters.get("penalty", 0.0), hyperparameters.get("regularizer", "l2")
            ),
            name=f"recurrent_{i}",
        )
        if hyperparameters["bidirectional"]:
            return keras.layers.Bidirectional(layer, name=f"both_ways_{i}")
        return layer
