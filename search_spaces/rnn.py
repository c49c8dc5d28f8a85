"""Recurrent networks, for sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search_spaces import blocks
from search_spaces.choices import Choice
from search_spaces.ranges import Float, Int
from search_spaces.shapes import Inputs, Outputs
from search_spaces.space import SearchSpace
from search_spaces.values import Limits

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
    but for the pooling ``max``, which takes it for a word.
    """

    takes = (("steps",), ("steps", "features"))
    takes_words = True
    otherwise = "cnn for images"

    cell = Choice(["lstm", "gru", "simple"], help="what remembers: LSTM, GRU or Elman's network")
    layers = Int(1, 2, default=1, limits=Limits(at_least=1, at_most=100), help="recurrent layers")
    units = Int(
        16,
        128,
        log=True,
        default=64,
        limits=Limits(at_least=1),
        per="layers",
        help="neurons of a recurrent layer, of each direction",
    )
    bidirectional = Choice([False, True], help="read from both ends")
    embedding = Int(64, 64, limits=Limits(at_least=1), help="numbers that a word of a text becomes")
    pooling = Choice(
        POOLINGS, help="what the head sees: the last state, or the average or largest of all"
    )
    dropout = Float(
        0.0,
        0.5,
        step=0.1,
        default=0.0,
        limits=_SHARE,
        help="share of a layer's inputs dropped in training",
    )
    recurrent_dropout = Float(
        0.0,
        0.3,
        step=0.1,
        default=0.0,
        limits=_SHARE,
        help="share of a layer's memory dropped in training",
    )
    penalty = Float(
        0.0,
        0.0,
        limits=Limits(at_least=0),
        off=0.0,
        help="weight of the kernels of layers' inputs in the loss",
    )
    regularizer = blocks.REGULARIZER
    initializer = blocks.INITIALIZER

    starts = (
        {"optimizer": "adam", "learning_rate": 3e-3, "batch_size": 64},
        {"optimizer": "adam", "cell": "gru", "bidirectional": True, "pooling": "average"},
        {"optimizer": "adam", "layers": 2, "dropout": 0.2, "batch_size": 64},
    )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        self.check(inputs)
        x = rows = blocks.rows(inputs)
        if inputs.vocabulary is not None:
            x = keras.layers.Embedding(
                inputs.vocabulary,
                hyperparameters["embedding"],
                mask_zero=hyperparameters["pooling"] != "max",  # a layer that knows no mask
                name="words",
            )(x)
        elif len(inputs.shape) == 1:
            x = keras.layers.Reshape((*inputs.shape, 1), name="feature")(x)
        last = hyperparameters["layers"] - 1
        for i in range(hyperparameters["layers"]):
            every_step = i < last or hyperparameters["pooling"] != "last"
            x = self._layer(hyperparameters, i, every_step)(x)
        if hyperparameters["pooling"] != "last":
            kind = hyperparameters["pooling"].capitalize()
            x = getattr(keras.layers, f"Global{kind}Pooling1D")(name="pooling")(x)
        return keras.Model(rows, blocks.head(x, outputs), name=self.name)

    def _layer(
        self, hyperparameters: Mapping[str, Any], i: int, every_step: bool
    ) -> keras.layers.Layer:
        import keras

        layer = getattr(keras.layers, CELLS[hyperparameters["cell"]])(
            hyperparameters[f"units_{i}"],
            return_sequences=every_step,
            dropout=hyperparameters["dropout"],
            recurrent_dropout=hyperparameters["recurrent_dropout"],
            kernel_initializer=hyperparameters.get("initializer", blocks.USUAL_INITIALIZER),
            kernel_regularizer=blocks.kernel_penalty(
                hyperparameters.get("penalty", 0.0), hyperparameters.get("regularizer", "l2")
            ),
            name=f"recurrent_{i}",
        )
        if hyperparameters["bidirectional"]:
            return keras.layers.Bidirectional(layer, name=f"both_ways_{i}")
        return layer
