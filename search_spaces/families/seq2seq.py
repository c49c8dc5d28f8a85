"""Encoders and decoders, for sequences as targets."""

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

CELLS = {"gru": "GRU", "lstm": "LSTM"}


class Seq2Seq(SearchSpace):
    """Encoder and decoder for sequences as targets: rows (steps,) or (steps, features).

    Answers may have any number of steps.
    A recurrent layer reads the row, another one writes all steps of the answer from what is left
    (Sutskever et al., Sequence to Sequence Learning with Neural Networks, 2014); with attention it
    also looks at each step that was read (Luong et al., Effective Approaches to Attention-based
    Neural Machine Translation, 2015). It is not given its own earlier answers: trained and exported
    models are the same.
    """

    input_axes = (("steps",), ("steps", "features"))
    output_axes = (("steps",),)
    same_axes = False
    takes_words = True
    alternative = "rnn for one target a row"

    cell = Choice(["gru", "lstm"], help="recurrent layer: GRU or LSTM")
    units = Int(
        16,
        128,
        log=True,
        default=64,
        limits=Limits(at_least=1),
        help="units of encoder (per direction) and decoder",
    )
    bidirectional = Choice([True, False], help="encoder reads both ways")
    attention = Choice([True, False], help="decoder looks at each step that was read")
    embedding = Int(64, 64, limits=Limits(at_least=1), help="size of the word embedding")
    dropout = Float(
        0.0,
        0.5,
        step=0.1,
        default=0.0,
        limits=Limits(at_least=0, below=1),
        help="dropout rate of what the head is given",
    )
    initializer = common_layers.INITIALIZER

    initial_points = (
        {"optimizer": "adam", "learning_rate": 3e-3, "batch_size": 64},
        {"optimizer": "adam", "cell": "lstm", "learning_rate": 3e-3, "batch_size": 64},
        {"optimizer": "adam", "attention": False, "units": 128, "batch_size": 64},
    )

    def build(
        self, hyperparameters: Mapping[str, Any], inputs: Inputs, outputs: Outputs
    ) -> keras.Model:
        import keras

        self.check(inputs)
        x = rows = common_layers.rows(inputs)
        if inputs.vocabulary is not None:
            width = hyperparameters["embedding"]
            x = keras.layers.Embedding(inputs.vocabulary, width, name="words")(x)
        elif len(inputs.shape) == 1:
            x = keras.layers.Reshape((*inputs.shape, 1), name="feature")(x)
        reader = self._layer(hyperparameters, "encoder")
        if hyperparameters["bidirectional"]:
            reader = keras.layers.Bidirectional(reader, name="both_ways")
        read = reader(x)
        (steps,) = outputs.axes
        # Read forwards, the last step knows the whole row; read backwards, the first one does.
        first, last = keras.layers.Flatten(name="first"), keras.layers.Flatten(name="last")
        cut = keras.layers.Cropping1D
        length = inputs.shape[0] - 1
        begin = first(cut((0, length), name="first_step")(read))
        end = last(cut((length, 0), name="last_step")(read))
        ends = keras.layers.Concatenate(name="ends")([begin, end])
        x = keras.layers.RepeatVector(steps, name="repeated")(ends)
        x = self._layer(hyperparameters, "decoder")(x)
        if hyperparameters["attention"]:
            query = keras.layers.Dense(read.shape[-1], name="query")(x)
            seen = keras.layers.Attention(name="attention")([query, read])
            x = keras.layers.Concatenate(name="written")([x, seen])
            x = keras.layers.Dense(hyperparameters["units"], "relu", name="hidden")(x)
        if hyperparameters["dropout"]:
            x = keras.layers.Dropout(hyperparameters["dropout"], name="head_dropout")(x)
        return keras.Model(rows, common_layers.head(x, outputs), name=self.name)

    def _layer(self, hyperparameters: Mapping[str, Any], name: str) -> keras.layers.Layer:
        import keras

        return getattr(keras.layers, CELLS[hyperparameters["cell"]])(
            hyperparameters["units"],
            return_sequences=True,
            kernel_initializer=hyperparameters.get("initializer", common_layers.USUAL_INITIALIZER),
            name=name,
        )
