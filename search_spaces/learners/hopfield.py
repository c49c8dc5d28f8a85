"""How Hopfield networks store patterns."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

FINE = 2.0**16  # weights of the projection are whole multiples of 1 / FINE
SEED = (1982, 0)  # of the units that are turned over: the same in every trial


def hebbian(patterns: Any) -> Any:
    """Returns ``sum over m of x_i^m x_j^m``: Hopfield 1982, whole numbers.

    Args:
        patterns: x, float32 (patterns, units) of -1 and 1; all 0 where there is none yet.
    """
    return tf.matmul(patterns, patterns, transpose_a=True)


def pseudo_inverse(patterns: Any) -> Any:
    """Returns the projection ``X X^+`` onto the patterns, times `FINE`, in whole numbers.

    Personnaz, Guyon and Dreyfus, Information Storage and Retrieval in Spin-Glass Like Neural
    Networks, 1985. Linearly independent patterns, however much alike, are all stored.
    """
    x = tf.cast(patterns, "float64")
    overlaps = tf.matmul(x, x, transpose_b=True)
    inverse = tf.linalg.pinv(overlaps, rcond=1e-9)
    projection = tf.matmul(x, tf.matmul(inverse, x), transpose_a=True)
    return tf.cast(tf.round(FINE / 2 * (projection + tf.transpose(projection))), "float32")


RULES = {"hebbian": hebbian, "pseudo-inverse": pseudo_inverse}


@keras.saving.register_keras_serializable(package="search_spaces")
class Recall(keras.Model):
    """Stores patterns of the rows that it is shown, and is scored on corrupted ones.

    A pattern is a row's signs, or the majority of those of a cluster: k-means of signs, whose means
    begin as the first rows and move with every batch (MacQueen, 1967). Weights are whole numbers,
    so that their sums are exact in whatever order. The layer ``turn_g`` holds twice the weights of
    group g with 1 added on the diagonal, by which a unit without a field stays as it is. The layer
    ``values`` holds, of each value, the mean of training rows below the threshold and above.

    Args:
        rule: ``hebbian`` or ``pseudo-inverse``.
        stored: ``clusters`` or ``rows``.
        patterns: How many.
        self_connections: Whether the diagonal of the rule's matrix stays.
        corruption: Share of units that are turned over where rows are scored.
        threshold: What a scaled value has to lie above to be 1.
        groups: Of units that take turns.
    """

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, *,
        rule: str, stored: str, patterns: int, self_connections: bool, corruption: float,
        threshold: float, groups: int, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(inputs, outputs, name=name, **options)
        self.facts: dict[str, Any] = {
            "rule": rule,
            "stored": stored,
            "patterns": patterns,
            "self_connections": self_connections,
            "corruption": corruption,
            "threshold": threshold,
            "groups": groups,
        }
        units = self.output_shape[-1]
        self.units = units
        self.means = self._weight((patterns, units), "means")
        self.counts = self._weight((patterns, 1), "counts")
        self.filled = self.add_weight((), "zeros", "int32", trainable=False, name="filled")
        # Of values at or below the threshold, and above it.
        self.sums, self.numbers = self._weight((2, units), "sums"), self._weight((2, units), "n")

    def _weight(self, shape: tuple[int, ...], name: str) -> Any:
        return self.add_weight(shape, "zeros", "float32", trainable=False, name=name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.facts}

    def train_step(self, data: Any) -> Any:
        """Stores what is to be stored of these rows; the loss is that of recall before it."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        answers = self(self.corrupted(x), training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
        rows = tf.cast(tf.reshape(x, (-1, self.units)), "float32")
        ones = tf.ones(tf.shape(rows)[:1])
        self.store(rows, ones if weights is None else tf.reshape(weights, (-1,)))
        self.optimizer.iterations.assign_add(1)
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, answers, sample_weight=weights)

    def test_step(self, data: Any) -> Any:
        """As of every model, with corrupted rows."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        return super().test_step((self.corrupted(x), y, weights))

    def corrupted(self, x: Any) -> Any:
        """Returns rows with values mirrored at the threshold, always the same ones of a batch."""
        chances = tf.random.stateless_uniform(tf.shape(x), SEED)
        mirrored = 2.0 * self.facts["threshold"] - x
        return tf.where(chances < self.facts["corruption"], mirrored, x)

    def store(self, rows: Any, weights: Any) -> None:
        """Takes rows (rows, units), each as often as its weight (rows,) says, into the memory."""
        above = rows > self.facts["threshold"]
        signs = tf.where(above, 1.0, -1.0)
        self._fill(signs)
        if self.facts["stored"] == "clusters":
            self._move(signs, weights[:, None])
        sides = tf.cast(tf.stack([tf.logical_not(above), above]), "float32") * weights[:, None]
        self.sums.assign_add(tf.reduce_sum(sides * rows, axis=1))
        self.numbers.assign_add(tf.reduce_sum(sides, axis=1))
        self._publish()

    def stored_patterns(self) -> Any:
        """Returns -1 and 1 (patterns, units), 0 of patterns that are not there yet."""
        signs = tf.where(self.means.value > 0.0, 1.0, -1.0)
        return signs * tf.cast(self._there(), "float32")[:, None]

    def _there(self) -> Any:
        return tf.range(self.facts["patterns"]) < self.filled.value

    def _fill(self, signs: Any) -> None:
        """Lets means that are not there yet begin as the next rows."""
        places = self.filled.value + tf.range(tf.shape(signs)[0])
        taken = places < self.facts["patterns"]
        means = tf.tensor_scatter_nd_update(
            self.means.value, tf.boolean_mask(places, taken)[:, None], tf.boolean_mask(signs, taken)
        )
        self.means.assign(means)
        self.filled.assign(tf.minimum(places[-1] + 1, self.facts["patterns"]))

    def _move(self, signs: Any, weights: Any) -> None:
        """Moves each mean to that of all rows that ever were its own."""
        means, counts = self.means.value, self.counts.value
        lengths = tf.reduce_sum(tf.square(means), axis=1)
        distances = lengths - 2.0 * tf.matmul(signs, means, transpose_b=True)
        nearest = tf.argmin(tf.where(self._there(), distances, distances.dtype.max), axis=1)
        own = tf.one_hot(nearest, self.facts["patterns"]) * weights
        new = counts + tf.reduce_sum(own, axis=0)[:, None]
        total = counts * means + tf.matmul(own, signs, transpose_a=True)
        self.means.assign(tf.where(new > 0.0, total / tf.maximum(new, 1e-6), means))
        self.counts.assign(new)

    def _publish(self) -> None:
        """Lets the layers answer by what is stored now."""
        matrix = RULES[self.facts["rule"]](self.stored_patterns())
        if not self.facts["self_connections"]:
            matrix = tf.linalg.set_diag(matrix, tf.zeros(self.units))
        one = tf.eye(self.units)
        groups = self.facts["groups"]
        turns = tf.range(self.units) * groups // self.units
        for i in range(groups):
            self.get_layer(f"turn_{i}").kernel.assign(tf.where(turns == i, 2.0 * matrix + one, one))
        low, high = tf.unstack(tf.math.divide_no_nan(self.sums.value, self.numbers.value))
        known = self.numbers.value > 0.0
        low, high = tf.where(known[0], low, high), tf.where(known[1], high, low)
        self.get_layer("values").kernel.assign((high - low) / 2.0)
        self.get_layer("values").bias.assign((high + low) / 2.0)
