"""How autoencoders learn, where a plain gradient of the loss is not all.

What is written here says how a model learns, nothing else: its answers come from standard layers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="search_spaces")
class TiedAutoencoder(keras.Model):
    """Each decoder's kernel is, and stays, the transposed kernel of its encoder.

    Both are variables of standard layers that begin transposed. The gradient of the one kernel
    they stand for is the sum of both gradients; every optimizer here treats each element alone,
    so that both take the same step. The model's encoders are called ``encoder_0``, ...; their
    decoders ``head``, ``decoder_1``, ...
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **options: Any) -> None:
        super().__init__(inputs, outputs, name=name, **options)
        for encoder, decoder in self._pairs():
            decoder.assign(keras.ops.transpose(encoder))

    def train_step(self, data: Any) -> Any:
        """As of every model, with the gradients of tied kernels added up."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            answers = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_weights
        gradients = self._tie(tape.gradient(scaled, variables))
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, answers, sample_weight=weights)

    def _tie(self, gradients: list[Any]) -> list[Any]:
        places = {id(variable): i for i, variable in enumerate(self.trainable_weights)}
        for pair in self._pairs():
            encoder, decoder = (places[id(kernel)] for kernel in pair)
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
    """Hidden layers ``hidden_0``, ... learn rows one after another, then all learn the targets.

    Layer i gives ``h = f(W x + b)`` of what it is given and gives it back as ``W' h + c`` (Vincent
    et al., 2010, with tied weights and a linear decoder): the mean squared error of that, from a
    corrupted ``x``, is its loss for ``pretraining`` epochs. An epoch ends where rows are scored.

    Args:
        depth: Hidden layers.
        pretraining: Epochs of each of them.
        noise: ``none``, ``gaussian`` or ``masking``.
        noise_level: Standard deviation, or share of zeros.
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
        self.backwards = [
            self.add_weight((layer.kernel.shape[0],), "zeros", name=f"backwards_{i}")
            for i, layer in enumerate(self._hidden())
        ]
        self.epoch = self.add_weight((), "zeros", "int32", trainable=False, name="epoch")
        self.begun = self.add_weight((), "zeros", "int32", trainable=False, name="begun")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.facts}

    def train_step(self, data: Any) -> Any:
        """One step of the phase that the epoch belongs to."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        if not self.optimizer.built:  # else by the few variables of the first phase
            self.optimizer.build(self.trainable_variables)
        depth, each = self.facts["depth"], self.facts["pretraining"]
        if each:
            steps = [partial(self._learn_rows, i, x, y, weights) for i in range(depth)]
            steps.append(partial(self._learn_targets, x, y, weights))
            phase = tf.minimum(self.epoch.value // each, depth)
            loss, answers = tf.switch_case(phase, steps)
        else:
            loss, answers = self._learn_targets(x, y, weights)
        self.begun.assign(1)
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, answers, sample_weight=weights)

    def test_step(self, data: Any) -> Any:
        """As of every model; the first one after training ends the epoch."""
        self.epoch.assign_add(self.begun)
        self.begun.assign(0)
        return super().test_step(data)

    def _learn_rows(self, i: int, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        """Trains hidden layer ``i`` on what it is given, and the head on what it gets."""
        layer, backwards, head = self._hidden()[i], self.backwards[i], self.get_layer("head")
        given = keras.ops.reshape(x, (-1, self._hidden()[0].kernel.shape[0]))
        for below in self._hidden()[:i]:
            given = below(given)
        given = tf.stop_gradient(keras.ops.cast(given, "float32"))
        with tf.GradientTape() as tape:
            code = keras.ops.cast(layer(self._corrupted(given)), "float32")
            back = keras.ops.matmul(code, keras.ops.transpose(layer.kernel)) + backwards
            features = given
            for above in self._hidden()[i:]:
                features = above(features)
            answers = head(tf.stop_gradient(features))
            loss = self.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
            total = loss + keras.ops.mean(keras.ops.square(back - given))
            scaled = self.optimizer.scale_loss(total)
        self._descend(tape, scaled, [*layer.trainable_weights, backwards, *head.trainable_weights])
        return loss, answers

    def _learn_targets(self, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            answers = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
            scaled = self.optimizer.scale_loss(loss)
        layers = [*self._hidden(), self.get_layer("head")]
        self._descend(tape, scaled, [weight for layer in layers for weight in layer.weights])
        return loss, answers

    def _descend(self, tape: Any, loss: Any, variables: list[Any]) -> None:
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))

    def _corrupted(self, x: Any) -> Any:
        level = self.facts["noise_level"]
        if self.facts["noise"] == "gaussian":
            return x + keras.random.normal(keras.ops.shape(x), stddev=level, seed=self.noise)
        if self.facts["noise"] == "masking":
            kept = keras.random.uniform(keras.ops.shape(x), seed=self.noise) >= level
            return x * keras.ops.cast(kept, x.dtype)
        return x

    def _hidden(self) -> list[Any]:
        return [self.get_layer(f"hidden_{i}") for i in range(self.facts["depth"])]
