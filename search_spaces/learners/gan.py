"""How a generator and a discriminator learn against each other."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

WIDTHS = (0.01, 0.03, 0.1, 0.3)  # of the kernels, as shares of the mean squared distance


@keras.saving.register_keras_serializable(package="search_spaces")
class Players(keras.Model):
    """A generator, which is the model itself, and a discriminator, which only teaches it.

    Goodfellow et al., Generative Adversarial Nets, 2014, with the loss that does not saturate: D
    ascends ``log D(x) + log(1 - D(G(z)))`` while G ascends ``log D(G(z))``, both by the same
    optimizer and from the same batch. What the model is compared by is no loss of a player, which
    tells nothing of the rows, but how far generated rows are from those that were held out: see
    `discrepancy`.

    Args:
        discriminator: Takes flat rows, gives a logit.
        smoothing: What is taken from the label 1 of rows that are real.
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
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Players:
        opponent = keras.saving.deserialize_keras_object(config["discriminator"], custom_objects)
        return super().from_config({**config, "discriminator": opponent}, custom_objects)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any
    ) -> Any:
        """How far generated rows ``y_pred`` are from rows ``y``, both ``(rows, values)``."""
        return discrepancy(y, y_pred)

    def train_step(self, data: Any) -> Any:
        """One step of both players."""
        x, real, weights = keras.utils.unpack_x_y_sample_weight(data)
        generator, opponent = self.get_layer("generator"), self.discriminator
        noise = keras.random.uniform(
            (tf.shape(real)[0], generator.input_shape[-1]), -1.0, 1.0, seed=self.random
        )
        with tf.GradientTape(persistent=True) as tape:
            made = generator(noise, training=True)
            both = opponent(tf.concat([real, made], axis=0), training=True)
            of_real, of_made = tf.split(both, 2)
            caught = _cross_entropy(of_real, 1.0 - self.smoothing) + _cross_entropy(of_made, 0.0)
            passed = _cross_entropy(of_made, 1.0)
            losses = [self.optimizer.scale_loss(loss) for loss in (passed, caught)]
        players = [generator.trainable_weights, opponent.trainable_weights]
        gradients = [
            gradient
            for loss, weights_of in zip(losses, players, strict=True)
            for gradient in tape.gradient(loss, weights_of)
        ]
        del tape
        self.optimizer.apply_gradients(zip(gradients, [*players[0], *players[1]], strict=True))
        self._loss_tracker.update_state(discrepancy(real, made), sample_weight=tf.shape(real)[0])
        return self.compute_metrics(x, real, made, sample_weight=weights)


def discrepancy(real: Any, made: Any) -> Any:
    """Returns the squared maximum mean discrepancy of two samples, without bias.

    Gretton et al., A Kernel Two-Sample Test, 2012, equation 3, for samples of one size m:
    ``mean of k(x, x') + mean of k(y, y') - 2 mean of k(x, y)`` over different x, x' and y, y'. It
    is 0 on average where both come from the same distribution, hence below 0 as often as above,
    and at most 2. The kernel is the mean of Gaussians ``exp(-d / (2 s))`` with s from `WIDTHS`
    times the mean squared distance of the real rows, which is the same for all trials.

    Args:
        real: ``(m, values)``.
        made: ``(m, values)``.
    """
    real, made = keras.ops.cast(real, "float32"), keras.ops.cast(made, "float32")
    count = keras.ops.cast(keras.ops.shape(real)[0], "float32")
    pairs = keras.ops.maximum(count * (count - 1.0), 1.0)
    own = _distances(real, real)
    width = keras.ops.sum(own) / pairs + keras.config.epsilon()
    within = [(_kernel(d, width) - count) / pairs for d in (own, _distances(made, made))]
    between = _kernel(_distances(real, made), width) / (count * count)
    # A single row is no sample.
    return keras.ops.where(count > 1.5, within[0] + within[1] - 2.0 * between, 0.0)


def _distances(x: Any, y: Any) -> Any:
    """Squared distances ``(rows of x, rows of y)``."""
    squares = [keras.ops.sum(keras.ops.square(rows), axis=1) for rows in (x, y)]
    products = keras.ops.matmul(x, keras.ops.transpose(y))
    return keras.ops.maximum(squares[0][:, None] + squares[1][None] - 2.0 * products, 0.0)


def _kernel(distances: Any, width: Any) -> Any:
    """The sum of the kernel over all pairs."""
    sums = [keras.ops.sum(keras.ops.exp(-distances / (2.0 * share * width))) for share in WIDTHS]
    return sum(sums) / len(WIDTHS)


def _cross_entropy(logits: Any, label: float) -> Any:
    labels = tf.fill(tf.shape(logits), label)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
