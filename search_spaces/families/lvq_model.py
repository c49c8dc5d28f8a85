"""Training of learning vector quantization: how prototypes move.

Sources: Kohonen, Improved Versions of Learning Vector Quantization, 1990; Sato and Yamada,
Generalized Learning Vector Quantization, 1995.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

FAR = 1e9  # squared distance to a prototype that has no position yet


# The registered name is the class's old one: it is in model files that exist already.
@keras.saving.register_keras_serializable(package="search_spaces", name="Prototypes")
class LVQModel(keras.Model):
    """A classifier by the nearest prototype ``w``, which starts as one of the first rows.

    Each rule is a loss whose gradient makes the rule's update, with squared distances ``d``:

    - ``lvq1``: the nearest prototype moves towards the row if it has the row's class, else away.
    - ``lvq2.1``: the two nearest move likewise if exactly one of them has the row's class, and the
      row is in the window between them: ``sqrt(d_1 / d_2) > (1 - v) / (1 + v)``.
    - ``glvq``: minimizes ``sigmoid((d_+ - d_-) / (d_+ + d_-))``, with the nearest prototype of the
      row's class (+) and of any other class (-).

    In the first two rules a prototype moves by the mean over the rows of a batch that concern it.
    So with SGD the learning rate is the fraction of the distance, whatever the batch size.

    The layer ``prototypes`` computes ``-b d`` up to a constant: kernel ``2 b w``, bias
    ``-b |w|^2``. The sharpness ``b`` is learned by the gradient of the cross-entropy.

    Args:
        rule: ``lvq1``, ``lvq2.1`` or ``glvq``.
        window: Relative width v of the window, for ``lvq2.1``.
        classes: Number of classes.
        each: Prototypes per class. Prototype p has the class ``p % classes``.
    """

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, *,
        rule: str, window: float, classes: int, each: int, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(inputs, outputs, name=name, **options)
        self.facts: dict[str, Any] = {
            "rule": rule,
            "window": window,
            "classes": classes,
            "each": each,
        }
        size = self.get_layer("prototypes").kernel.shape[0]
        self.places = self.add_weight((classes * each, size), "zeros", "float32", name="places")
        self.sharpness = self.add_weight(  # its logarithm
            (), keras.initializers.Constant(-math.log(size)), "float32", name="sharpness"
        )
        self.filled = self.add_weight((classes,), "zeros", "int32", trainable=False, name="filled")
        if self.output_shape[-1] == 1:
            self.get_layer("head").kernel.assign([[-1.0], [1.0]])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.facts}

    def train_step(self, data: Any) -> Any:
        """One step of the rule for prototypes, and of gradient descent for the sharpness."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        rows = keras.ops.reshape(x, (-1, self.places.shape[1]))
        labels = keras.ops.cast(keras.ops.reshape(y, (-1,)), "int32")
        self._start_prototypes(rows, labels)
        with tf.GradientTape() as tape:
            distances = self._distances(rows)
            rule_loss = self._rule_loss(distances, labels, 1.0 if weights is None else weights)
            # The cross-entropy must not move prototypes: it learns the sharpness only.
            predictions = self._predict(tf.stop_gradient(distances))
            loss = self.compute_loss(
                x=x, y=y, y_pred=predictions, sample_weight=weights, training=True
            )
            scaled = self.optimizer.scale_loss(rule_loss + loss)
        variables = [self.places, self.sharpness]
        gradients = tape.gradient(scaled, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._copy_prototypes()
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, predictions, sample_weight=weights)

    def _start_prototypes(self, rows: Any, labels: Any) -> None:
        """Starts prototypes without a position with the next rows of their class."""
        classes, each = self.facts["classes"], self.facts["each"]
        hot = tf.one_hot(labels, classes, dtype="int32")
        before = tf.reduce_sum(
            hot * (tf.cumsum(hot) - 1), axis=1
        )  # rows of its class earlier in the batch
        index_in_class = tf.gather(self.filled.value, labels) + before
        used = index_in_class < each
        indices = tf.boolean_mask(index_in_class * classes + labels, used)
        self.places.assign(
            tf.tensor_scatter_nd_update(
                self.places.value, indices[:, None], tf.boolean_mask(rows, used)
            )
        )
        self.filled.assign(tf.minimum(self.filled.value + tf.reduce_sum(hot, axis=0), each))

    def _distances(self, rows: Any) -> Any:
        """Squared distances (rows, prototypes); `FAR` to a prototype without a position."""
        places = self.places.value
        products = tf.matmul(rows, places, transpose_b=True)
        lengths = tf.reduce_sum(tf.square(rows), axis=1, keepdims=True)
        squares = lengths - 2.0 * products + tf.reduce_sum(tf.square(places), axis=1)
        return tf.where(self._has_position(), tf.maximum(squares, 0.0), FAR)

    def _has_position(self) -> Any:
        turns = tf.range(self.facts["each"])[:, None]
        return tf.reshape(turns < self.filled.value, (-1,))

    def _rule_loss(self, distances: Any, labels: Any, weights: Any) -> Any:
        """The loss whose gradient is the update of the rule."""
        classes = tf.range(distances.shape[1]) % self.facts["classes"]
        own = labels[:, None] == classes
        if self.facts["rule"] == "glvq":
            right = tf.reduce_min(tf.where(own, distances, FAR), axis=1)
            wrong = tf.reduce_min(tf.where(own, FAR, distances), axis=1)
            relative = (right - wrong) / (right + wrong + keras.config.epsilon())
            return tf.reduce_mean(weights * tf.sigmoid(relative))
        signs = tf.where(own, 1.0, -1.0)
        if self.facts["rule"] == "lvq1":
            moves = signs * tf.one_hot(tf.argmin(distances, axis=1), distances.shape[1])
        else:
            moves = signs * self._in_window(distances, own)
        moves = tf.reshape(weights, (-1, 1)) * moves
        # The gradient of d is 2 (w - x): with the factor 0.5 the step is (w - x) itself.
        count = tf.math.count_nonzero(moves, axis=0, dtype="float32")
        return 0.5 * tf.reduce_sum(moves / tf.maximum(count, 1.0) * distances)

    def _in_window(self, distances: Any, own: Any) -> Any:
        """1 for the two nearest prototypes of a row that moves them by ``lvq2.1``, else 0."""
        nearest, which = tf.math.top_k(-tf.stop_gradient(distances), 2)
        first, second = -nearest[:, 0], -nearest[:, 1]
        two = tf.gather(own, which, batch_dims=1)
        limit = (1 - self.facts["window"]) / (1 + self.facts["window"])
        inside = first > limit**2 * second  # of squared distances
        applies = tf.logical_and(two[:, 0] != two[:, 1], inside)
        marks = tf.reduce_sum(tf.one_hot(which, distances.shape[1]), axis=1)
        return marks * tf.cast(applies, "float32")[:, None]

    def _predict(self, distances: Any) -> Any:
        """Probabilities as the layers compute them: (rows, classes), or (rows, 1) for two."""
        shape = (-1, self.facts["each"], self.facts["classes"])
        nearest = tf.reduce_min(tf.reshape(distances, shape), axis=1)
        scores = -tf.exp(self.sharpness.value) * nearest
        if self.output_shape[-1] == 1:
            return tf.sigmoid(scores[:, 1:] - scores[:, :1])
        return tf.nn.softmax(scores)

    def _copy_prototypes(self) -> None:
        """Copies the prototypes into the layers, from which predictions are computed."""
        layer, sharpness = self.get_layer("prototypes"), tf.exp(self.sharpness.value)
        lengths = tf.reduce_sum(tf.square(self.places.value), axis=1)
        layer.kernel.assign(2.0 * sharpness * tf.transpose(self.places.value))
        layer.bias.assign(tf.where(self._has_position(), -sharpness * lengths, -FAR))
