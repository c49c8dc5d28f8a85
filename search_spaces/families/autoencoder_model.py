"""Training steps of autoencoders that need more than the gradient of the loss.

The classes change training only. Predictions come from standard layers, so that an exported model
opens without this project.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="search_spaces")
class TiedAutoencoder(keras.Model):
    """An autoencoder with tied weights: each decoder kernel is the transposed encoder kernel.

    Both are variables of standard layers and start transposed. The gradient of a shared kernel is
    the sum of both gradients, and both variables get that sum. Our optimizers update each element
    independently of the others, so both take the same step and stay transposed. Encoders are named
    ``encoder_0``, ...; their decoders ``head``, ``decoder_1``, ...
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **options: Any) -> None:
        super().__init__(inputs, outputs, name=name, **options)
        for encoder, decoder in self._pairs():
            decoder.assign(keras.ops.transpose(encoder))

    def train_step(self, data: Any) -> Any:
        """As in `keras.Model`, with the gradients of tied kernels added."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            predictions = self(x, training=True)
            loss = self.compute_loss(
                x=x, y=y, y_pred=predictions, sample_weight=weights, training=True
            )
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_weights
        gradients = self._tie(tape.gradient(scaled, variables))
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, predictions, sample_weight=weights)

    def _tie(self, gradients: list[Any]) -> list[Any]:
        indices = {id(variable): i for i, variable in enumerate(self.trainable_weights)}
        for pair in self._pairs():
            encoder, decoder = (indices[id(kernel)] for kernel in pair)
            total = gradients[encoder] + keras.ops.transpose(gradients[decoder])
            gradients[encoder], gradients[decoder] = total, keras.ops.transpose(total)
        return gradients

    def _pairs(self) -> list[tuple[Any, Any]]:
        names = {layer.name for layer in self.layers}
        count = sum(1 for i in range(len(names)) if f"encoder_{i}" in names)
        decoders = ["head", *(f"decoder_{i}" for i in range(1, count))]
        return [
            (self.get_layer(f"encoder_{i}").kernel, self.get_layer(decoder).kernel)
            for i, decoder in enumerate(decoders)
        ]


@keras.saving.register_keras_serializable(package="search_spaces")
class StackedAutoencoder(keras.Model):
    """Greedy layer-wise pretraining of the layers ``hidden_0``, ..., then training on the targets.

    Layer i encodes its input x as ``h = f(W x + b)`` and decodes it as ``W' h + c`` (Vincent et
    al., Stacked Denoising Autoencoders, 2010, with tied weights and a linear decoder). Its loss for
    ``pretraining`` epochs is the mean squared error of the input, decoded from a corrupted ``x``.
    An epoch ends at the first evaluation after a training step.

    Args:
        depth: Number of hidden layers.
        pretraining: Epochs of pretraining for each hidden layer.
        noise: ``none``, ``gaussian`` or ``masking``.
        noise_level: Standard deviation of the noise, or share of values set to 0.
    """

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, *,
        depth: int, pretraining: int, noise: str, noise_level: float, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(inputs, outputs, name=name, **options)
        self.facts: dict[str, Any] = {
            "depth": depth,
            "pretraining": pretraining,
            "noise": noise,
            "noise_level": noise_level,
        }
        self.noise = keras.random.SeedGenerator()
        # Biases of the decoders, c.
        self.backwards = [
            self.add_weight((layer.kernel.shape[0],), "zeros", name=f"backwards_{i}")
            for i, layer in enumerate(self._hidden())
        ]
        # Weights, not Python numbers: so they are in checkpoints, and the compiled step can branch.
        self.epoch = self.add_weight((), "zeros", "int32", trainable=False, name="epoch")
        self.begun = self.add_weight((), "zeros", "int32", trainable=False, name="begun")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.facts}

    def train_step(self, data: Any) -> Any:
        """One step of the phase that the epoch belongs to."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        if not self.optimizer.built:  # for all variables, before a phase uses some of them
            self.optimizer.build(self.trainable_variables)
        depth, epochs = self.facts["depth"], self.facts["pretraining"]
        if epochs:
            steps = [partial(self._learn_rows, i, x, y, weights) for i in range(depth)]
            steps.append(partial(self._learn_targets, x, y, weights))
            phase = tf.minimum(self.epoch.value // epochs, depth)
            loss, predictions = tf.switch_case(phase, steps)
        else:
            loss, predictions = self._learn_targets(x, y, weights)
        self.begun.assign(1)
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, predictions, sample_weight=weights)

    def test_step(self, data: Any) -> Any:
        """As in `keras.Model`; the first one after a training step ends the epoch."""
        self.epoch.assign_add(self.begun)
        self.begun.assign(0)
        return super().test_step(data)

    def _learn_rows(self, i: int, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        """Pretrains hidden layer ``i`` as an autoencoder; the head learns the targets beside it."""
        layer, backwards, head = self._hidden()[i], self.backwards[i], self.get_layer("head")
        layer_input = keras.ops.reshape(x, (-1, self._hidden()[0].kernel.shape[0]))
        for below in self._hidden()[:i]:
            layer_input = below(layer_input)
        layer_input = tf.stop_gradient(keras.ops.cast(layer_input, "float32"))
        with tf.GradientTape() as tape:
            encoded = keras.ops.cast(layer(self._corrupted(layer_input)), "float32")
            decoded = keras.ops.matmul(encoded, keras.ops.transpose(layer.kernel)) + backwards
            features = layer_input
            for above in self._hidden()[i:]:
                features = above(features)
            # The head must not change hidden layers yet, but gives every epoch a validation loss.
            predictions = head(tf.stop_gradient(features))
            loss = self.compute_loss(
                x=x, y=y, y_pred=predictions, sample_weight=weights, training=True
            )
            total = loss + keras.ops.mean(keras.ops.square(decoded - layer_input))
            scaled = self.optimizer.scale_loss(total)
        self._descend(tape, scaled, [*layer.trainable_weights, backwards, *head.trainable_weights])
        return loss, predictions

    def _learn_targets(self, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            predictions = self(x, training=True)
            loss = self.compute_loss(
                x=x, y=y, y_pred=predictions, sample_weight=weights, training=True
            )
            scaled = self.optimizer.scale_loss(loss)
        layers = [*self._hidden(), self.get_layer("head")]
        self._descend(tape, scaled, [weight for layer in layers for weight in layer.weights])
        return loss, predictions

    def _descend(self, tape: Any, loss: Any, variables: list[Any]) -> None:
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))

    def _corrupted(self, x: Any) -> Any:
        level = self.facts["noise_level"]
        if self.facts["noise"] == "gaussian":
            return x + keras.random.normal(keras.ops.shape(x), stddev=level, seed=self.noise)
        if self.facts["noise"] == "masking":
            mask = keras.random.uniform(keras.ops.shape(x), seed=self.noise) >= level
            return x * keras.ops.cast(mask, x.dtype)
        return x

    def _hidden(self) -> list[Any]:
        return [self.get_layer(f"hidden_{i}") for i in range(self.facts["depth"])]
