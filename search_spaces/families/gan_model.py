"""Training of generative adversarial networks, and the measure that compares their trials."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

WIDTHS = (0.01, 0.03, 0.1, 0.3)  # of the kernels, relative to the mean squared distance


# The registered name is the class's old one: it is in model files that exist already.
@keras.saving.register_keras_serializable(package="search_spaces", name="Players")
class GANModel(keras.Model):
    """A generator, whose rows are the model's output, and a discriminator, used in training only.

    Goodfellow et al., Generative Adversarial Nets, 2014, with the non-saturating loss: D ascends
    ``log D(x) + log(1 - D(G(z)))`` while G ascends ``log D(G(z))``, both with the same optimizer
    and on the same batch. These losses depend on the opponent and say nothing about the quality of
    rows. So the loss that is reported, and by which trials are compared, is the distance between
    generated and real rows: see `discrepancy`.

    Args:
        discriminator: A model from flat rows (batch, values) to logits (batch, 1).
        smoothing: One-sided label smoothing: real rows have the label ``1 - smoothing``.
    """

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, *,
        discriminator: Any, smoothing: float, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(inputs, outputs, name=name, **options)
        self.discriminator = discriminator
        self.smoothing = smoothing
        self.random = keras.random.SeedGenerator()

    def get_config(self) -> dict[str, Any]:
        opponent = keras.saving.serialize_keras_object(self.discriminator)
        return {**super().get_config(), "discriminator": opponent, "smoothing": self.smoothing}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> GANModel:
        opponent = keras.saving.deserialize_keras_object(config["discriminator"], custom_objects)
        return super().from_config({**config, "discriminator": opponent}, custom_objects)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any
    ) -> Any:
        """Returns the `discrepancy` of real rows ``y`` and generated rows ``y_pred``."""
        return discrepancy(y, y_pred)

    def train_step(self, data: Any) -> Any:
        """One step of generator and discriminator, with the gradients at the same weights."""
        x, real, weights = keras.utils.unpack_x_y_sample_weight(data)
        generator, discriminator = self.get_layer("generator"), self.discriminator
        noise = keras.random.uniform(
            (tf.shape(real)[0], generator.input_shape[-1]), -1.0, 1.0, seed=self.random
        )
        with tf.GradientTape(persistent=True) as tape:
            generated = generator(noise, training=True)
            logits = discriminator(tf.concat([real, generated], axis=0), training=True)
            of_real, of_generated = tf.split(logits, 2)
            real_label = 1.0 - self.smoothing
            d_loss = _cross_entropy(of_real, real_label) + _cross_entropy(of_generated, 0.0)
            g_loss = _cross_entropy(of_generated, 1.0)
            losses = [self.optimizer.scale_loss(loss) for loss in (g_loss, d_loss)]
        players = [generator.trainable_weights, discriminator.trainable_weights]
        gradients = [
            gradient
            for loss, weights_of in zip(losses, players, strict=True)
            for gradient in tape.gradient(loss, weights_of)
        ]
        del tape
        self.optimizer.apply_gradients(zip(gradients, [*players[0], *players[1]], strict=True))
        self._loss_tracker.update_state(
            discrepancy(real, generated), sample_weight=tf.shape(real)[0]
        )
        return self.compute_metrics(x, real, generated, sample_weight=weights)


def discrepancy(real: Any, generated: Any) -> Any:
    """Returns the unbiased estimate of the squared maximum mean discrepancy (MMD) of two samples.

    Gretton et al., A Kernel Two-Sample Test, 2012, equation 3, for samples of one size m:
    ``mean of k(x, x') + mean of k(y, y') - 2 mean of k(x, y)`` over different x, x' and y, y'. It
    is 0 on average for samples of the same distribution, so it is sometimes negative, and at most
    2. The kernel is the mean of Gaussians ``exp(-d / (2 s))`` with s from `WIDTHS` times the mean
    squared distance of the real rows, which is the same for all trials.

    Args:
        real: ``(m, values)``.
        generated: ``(m, values)``.
    """
    real, generated = (keras.ops.cast(rows, "float32") for rows in (real, generated))
    count = keras.ops.cast(keras.ops.shape(real)[0], "float32")
    pairs = keras.ops.maximum(count * (count - 1.0), 1.0)
    own = _distances(real, real)
    width = keras.ops.sum(own) / pairs + keras.config.epsilon()
    # The kernel of a row with itself is 1: without ``- count`` the estimate would be biased.
    distances = own, _distances(generated, generated)
    within = [(_kernel(squared, width) - count) / pairs for squared in distances]
    between = _kernel(_distances(real, generated), width) / (count * count)
    # Two different rows are needed: the last batch may have a single one.
    return keras.ops.where(count > 1.5, within[0] + within[1] - 2.0 * between, 0.0)


def _distances(x: Any, y: Any) -> Any:
    """Returns squared distances ``(rows of x, rows of y)``."""
    squares = [keras.ops.sum(keras.ops.square(rows), axis=1) for rows in (x, y)]
    products = keras.ops.matmul(x, keras.ops.transpose(y))
    # |x - y|^2 = |x|^2 + |y|^2 - 2 x y; rounding may bring it below 0.
    return keras.ops.maximum(squares[0][:, None] + squares[1][None] - 2.0 * products, 0.0)


def _kernel(distances: Any, width: Any) -> Any:
    """Returns the sum of the kernel over all pairs."""
    sums = [keras.ops.sum(keras.ops.exp(-distances / (2.0 * share * width))) for share in WIDTHS]
    return sum(sums) / len(WIDTHS)


def _cross_entropy(logits: Any, label: float) -> Any:
    labels = tf.fill(tf.shape(logits), label)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
