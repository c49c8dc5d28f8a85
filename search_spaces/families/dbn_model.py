"""Training of deep belief networks.

Source: Hinton, Osindero and Teh, A Fast Learning Algorithm for Deep Belief Nets, 2006.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from search_spaces.families.autoencoder_model import StackedAutoencoder
from search_spaces.families.rbm_model import check_unit_interval, free_energy, gibbs


# The registered name is the class's old one: it is in model files that exist already.
@keras.saving.register_keras_serializable(package="search_spaces", name="DeepBelief")
class DBNModel(StackedAutoencoder):
    """Pretrains hidden layers one by one as restricted Boltzmann machines, then learns targets.

    The phases are those of `StackedAutoencoder`. Layer i is trained by CD-k on the probabilities
    that the layers below output. These are visible units in [0, 1], so all layers but the first are
    binary. ``backwards`` are the biases of visible units.

    Args:
        binary: Whether rows are probabilities; else visible units are Gaussian with unit variance.
        k: Steps of Gibbs sampling.
        options: Those of `StackedAutoencoder`; noise is ignored.
    """

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, *,
        binary: bool, k: int, **options: Any,
    ) -> None:  # fmt: skip
        no_noise = {"noise": "none", "noise_level": 0.0}
        super().__init__(inputs, outputs, name=name, **{**options, **no_noise})
        self.facts = {**self.facts, "binary": binary, "k": k}

    def train_step(self, data: Any) -> Any:
        """As in `StackedAutoencoder`; the optimizer is reset before the first step on targets."""
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        pretraining_epochs = self.facts["depth"] * self.facts["pretraining"]
        starts = tf.logical_and(self.epoch.value == pretraining_epochs, self.begun.value == 0)
        tf.cond(starts, self._reset_optimizer, lambda: tf.constant(0))
        return super().train_step(data)

    def _reset_optimizer(self) -> Any:
        """Sets the optimizer's state to its start: contrastive divergence has far larger gradients.

        Measured on digits: with their mean squares left, Adam learned nothing for 1000 steps.
        """
        optimizer: Any = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        for variable in optimizer.variables:
            if variable is not optimizer._learning_rate:
                variable.assign(tf.zeros_like(variable.value))
        if hasattr(optimizer, "_u_product"):  # Nadam's product of momenta, which starts at 1
            optimizer._u_product.assign(tf.ones_like(optimizer._u_product.value))
        return tf.constant(0)

    def _learn_rows(self, i: int, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        """One step of contrastive divergence for layer ``i``; the head learns targets beside it."""
        layer, visible, head = self._hidden()[i], self.backwards[i], self.get_layer("head")
        layer_input, features = self._input_and_features(i, x)
        binary = i > 0 or self.facts["binary"]
        check_unit_interval(layer_input, binary=binary)
        values = (layer.kernel.value, layer.bias.value, visible.value)
        sampled = gibbs(layer_input, *values, binary=binary, k=self.facts["k"], seed=self.noise)
        counts = 1.0 if weights is None else tf.reshape(weights, (-1,))
        with tf.GradientTape() as tape:
            predictions = head(features)
            loss = self.compute_loss(
                x=x, y=y, y_pred=predictions, sample_weight=weights, training=True
            )
            # Read again, inside the tape: only so are there gradients for them.
            values = (layer.kernel.value, layer.bias.value, visible.value)
            energies = (
                free_energy(rows, *values, binary=binary) for rows in (layer_input, sampled)
            )
            divergence = tf.reduce_mean(counts * tf.subtract(*energies))
            scaled = self.optimizer.scale_loss(loss + divergence)
        variables = [layer.kernel, layer.bias, visible, *head.trainable_weights]
        self._descend(tape, scaled, variables)
        return loss, predictions

    def _input_and_features(self, i: int, x: Any) -> tuple[Any, Any]:
        """Returns the input of layer ``i`` and the output of the last one, without gradients."""
        features = tf.reshape(x, (-1, self._hidden()[0].kernel.shape[0]))
        for number, layer in enumerate(self._hidden()):
            if number == i:
                layer_input = tf.cast(features, "float32")
            features = layer(features)
        return layer_input, tf.stop_gradient(features)
