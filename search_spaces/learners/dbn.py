"""How deep belief networks learn."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from search_spaces.learners.autoencoder import StackedAutoencoder
from search_spaces.learners.rbm import check_unit_interval, free_energy, gibbs


@keras.saving.register_keras_serializable(package="search_spaces")
class DeepBelief(StackedAutoencoder):
    """Hidden layers learn one after another as restricted Boltzmann machines, then all the targets.

    The phases are those of stacked autoencoders. Layer i follows CD-k on the probabilities that
    the layers below give; those are the visible units of the layers above, hence binary. The
    weights of ``backwards`` are the biases of visible units.

    Args:
        binary: Whether the rows are probabilities; else visible units of unit variance.
        k: Steps of Gibbs sampling.
        options: Those of `StackedAutoencoder`, without noise.
    """

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, *,
        binary: bool, k: int, **options: Any,
    ) -> None:  # fmt: skip
        without = {"noise": "none", "noise_level": 0.0}
        super().__init__(inputs, outputs, name=name, **{**options, **without})
        self.facts = {**self.facts, "binary": binary, "k": k}

    def train_step(self, data: Any) -> Any:
        """As of a stacked autoencoder, with an optimizer that is as new where targets begin."""
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        targets = self.facts["depth"] * self.facts["pretraining"]
        begins = tf.logical_and(self.epoch.value == targets, self.begun.value == 0)
        tf.cond(begins, self._forget, lambda: tf.constant(0))
        return super().train_step(data)

    def _forget(self) -> Any:
        """Clears the optimizer: divergences have gradients far larger than those of the loss.

        Measured on the digits: mean squares of them kept Adam from learning for 1000 steps.
        """
        optimizer: Any = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        for variable in optimizer.variables:
            if variable is not optimizer._learning_rate:
                variable.assign(tf.zeros_like(variable.value))
        if hasattr(optimizer, "_u_product"):  # of Nadam, the product of momenta so far
            optimizer._u_product.assign(tf.ones_like(optimizer._u_product.value))
        return tf.constant(0)

    def _learn_rows(self, i: int, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        """One step of contrastive divergence for layer ``i``; the head learns what it gets."""
        layer, visible, head = self._hidden()[i], self.backwards[i], self.get_layer("head")
        given, features = self._through(i, x)
        binary = i > 0 or self.facts["binary"]
        check_unit_interval(given, binary=binary)
        parts = (layer.kernel.value, layer.bias.value, visible.value)
        after = gibbs(given, *parts, binary=binary, k=self.facts["k"], seed=self.noise)
        counts = 1.0 if weights is None else tf.reshape(weights, (-1,))
        with tf.GradientTape() as tape:
            answers = head(features)
            loss = self.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
            parts = (layer.kernel.value, layer.bias.value, visible.value)
            energies = (free_energy(rows, *parts, binary=binary) for rows in (given, after))
            divergence = tf.reduce_mean(counts * tf.subtract(*energies))
            scaled = self.optimizer.scale_loss(loss + divergence)
        variables = [layer.kernel, layer.bias, visible, *head.trainable_weights]
        self._descend(tape, scaled, variables)
        return loss, answers

    def _through(self, i: int, x: Any) -> tuple[Any, Any]:
        """What layer ``i`` is given, and what the last one gives, both without a gradient."""
        features = tf.reshape(x, (-1, self._hidden()[0].kernel.shape[0]))
        for number, layer in enumerate(self._hidden()):
            if number == i:
                given = tf.cast(features, "float32")
            features = layer(features)
        return given, tf.stop_gradient(features)
