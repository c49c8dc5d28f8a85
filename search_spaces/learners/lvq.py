"""How prototypes move."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

FAR = 1e9  # squared distance of a prototype that has no place yet


@keras.saving.register_keras_serializable(package="search_spaces")
class Prototypes(keras.Model):
    """Prototypes ``w`` that begin as rows of their class, the first ones that come.

    Every rule is written as a loss whose gradient moves prototypes as the rule says, with ``d``
    for squared distances:

    - ``lvq1``: the nearest prototype comes closer if it is of the row's class, else it goes away.
    - ``lvq2.1``: the two nearest move so, where one is of the row's class and the other is not,
      and the row lies in the window between them: ``sqrt(d_1 / d_2) > (1 - v) / (1 + v)``.
    - ``glvq``: descends ``sigmoid((d_+ - d_-) / (d_+ + d_-))``, of the nearest prototypes of the
      row's class and of any other.

    In the first two a prototype moves by the mean of what a batch's rows tell it, so that the
    learning rate is the share of the way that it goes, whatever the size of batches.

    The layer ``prototypes`` holds what answers need: kernel ``2 b w``, bias ``-b |w|^2``, with the
    sharpness ``b`` learned by the gradient of the cross-entropy.

    Args:
        rule: One of the three.
        window: Its relative width v.
        classes: How many.
        each: Prototypes of a class. Prototype p is of class ``p % classes``.
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
        """One step of the rule; of the sharpness one down the gradient of the loss."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        rows = keras.ops.reshape(x, (-1, self.places.shape[1]))
        labels = keras.ops.cast(keras.ops.reshape(y, (-1,)), "int32")
        self._fill(rows, labels)
        with tf.GradientTape() as tape:
            distances = self._distances(rows)
            moved = self._rule(distances, labels, 1.0 if weights is None else weights)
            answers = self._answers(tf.stop_gradient(distances))
            loss = self.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
            scaled = self.optimizer.scale_loss(moved + loss)
        variables = [self.places, self.sharpness]
        gradients = tape.gradient(scaled, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._publish()
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, answers, sample_weight=weights)

    def _fill(self, rows: Any, labels: Any) -> None:
        """Gives prototypes that have no place yet the first rows of their class."""
        classes, each = self.facts["classes"], self.facts["each"]
        hot = tf.one_hot(labels, classes, dtype="int32")
        before = tf.reduce_sum(hot * (tf.cumsum(hot) - 1), axis=1)  # rows of its class, in a batch
        turn = tf.gather(self.filled.value, labels) + before
        taken = turn < each
        places = tf.boolean_mask(turn * classes + labels, taken)
        self.places.assign(
            tf.tensor_scatter_nd_update(
                self.places.value, places[:, None], tf.boolean_mask(rows, taken)
            )
        )
        self.filled.assign(tf.minimum(self.filled.value + tf.reduce_sum(hot, axis=0), each))

    def _distances(self, rows: Any) -> Any:
        """Squared distances (rows, prototypes); `FAR` to a prototype that has no place."""
        places = self.places.value
        products = tf.matmul(rows, places, transpose_b=True)
        lengths = tf.reduce_sum(tf.square(rows), axis=1, keepdims=True)
        squares = lengths - 2.0 * products + tf.reduce_sum(tf.square(places), axis=1)
        return tf.where(self._placed(), tf.maximum(squares, 0.0), FAR)

    def _placed(self) -> Any:
        turns = tf.range(self.facts["each"])[:, None]
        return tf.reshape(turns < self.filled.value, (-1,))

    def _rule(self, distances: Any, labels: Any, weights: Any) -> Any:
        """The loss whose gradient is the rule."""
        classes = tf.range(distances.shape[1]) % self.facts["classes"]
        own = labels[:, None] == classes
        if self.facts["rule"] == "glvq":
            right = tf.reduce_min(tf.where(own, distances, FAR), axis=1)
            wrong = tf.reduce_min(tf.where(own, FAR, distances), axis=1)
            relative = (right - wrong) / (right + wrong + keras.config.epsilon())
            return tf.reduce_mean(weights * tf.sigmoid(relative))
        signs = tf.where(own, 1.0, -1.0)
        if self.facts["rule"] == "lvq1":
            told = signs * tf.one_hot(tf.argmin(distances, axis=1), distances.shape[1])
        else:
            told = signs * self._between(distances, own)
        told = tf.reshape(weights, (-1, 1)) * told
        count = tf.math.count_nonzero(told, axis=0, dtype="float32")
        return 0.5 * tf.reduce_sum(told / tf.maximum(count, 1.0) * distances)

    def _between(self, distances: Any, own: Any) -> Any:
        """1 for the two nearest prototypes where they disagree about a row in their window."""
        nearest, which = tf.math.top_k(-tf.stop_gradient(distances), 2)
        first, second = -nearest[:, 0], -nearest[:, 1]
        two = tf.gather(own, which, batch_dims=1)
        narrow = (1 - self.facts["window"]) / (1 + self.facts["window"])
        inside = first > narrow**2 * second
        told = tf.logical_and(two[:, 0] != two[:, 1], inside)
        marks = tf.reduce_sum(tf.one_hot(which, distances.shape[1]), axis=1)
        return marks * tf.cast(told, "float32")[:, None]

    def _answers(self, distances: Any) -> Any:
        """Probabilities, as the layers compute them: (rows, classes), or (rows, 1) of two."""
        shape = (-1, self.facts["each"], self.facts["classes"])
        nearest = tf.reduce_min(tf.reshape(distances, shape), axis=1)
        scores = -tf.exp(self.sharpness.value) * nearest
        if self.output_shape[-1] == 1:
            return tf.sigmoid(scores[:, 1:] - scores[:, :1])
        return tf.nn.softmax(scores)

    def _publish(self) -> None:
        """Lets the layers answer by the prototypes as they are now."""
        layer, sharpness = self.get_layer("prototypes"), tf.exp(self.sharpness.value)
        lengths = tf.reduce_sum(tf.square(self.places.value), axis=1)
        layer.kernel.assign(2.0 * sharpness * tf.transpose(self.places.value))
        layer.bias.assign(tf.where(self._placed(), -sharpness * lengths, -FAR))
