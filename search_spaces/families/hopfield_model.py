"""Training of Hopfield networks: choosing patterns, and storing them in the weights."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

FINE = 2.0**16  # the projection's weights are rounded to multiples of 1 / FINE
SEED = (1982, 0)  # for the units to flip: the same in every trial


def hebbian(patterns: Any) -> Any:
    """Returns the Hebbian weights ``sum over m of x_i^m x_j^m``, (units, units), whole numbers.

    Hopfield, Neural Networks and Physical Systems with Emergent Collective Computational Abilities,
    1982.

    Args:
        patterns: x, float32 (patterns, units) of -1 and 1; a missing pattern is all 0.
    """
    return tf.matmul(patterns, patterns, transpose_a=True)


def pseudo_inverse(patterns: Any) -> Any:
    """Returns the projection ``X X^+`` onto the patterns times `FINE`, in whole numbers.

    Personnaz, Guyon and Dreyfus, Information Storage and Retrieval in Spin-Glass Like Neural
    Networks, 1985. It stores all linearly independent patterns, also correlated ones.

    Args:
        patterns: As for `hebbian`.
    """
    # X^+ by the small Gram matrix (patterns, patterns); float64 and rounding hide the
    # small differences between devices.
    x = tf.cast(patterns, "float64")
    gram = tf.matmul(x, x, transpose_b=True)
    inverse = tf.linalg.pinv(gram, rcond=1e-9)
    projection = tf.matmul(x, tf.matmul(inverse, x), transpose_a=True)
    return tf.cast(tf.round(FINE / 2 * (projection + tf.transpose(projection))), "float32")


RULES = {"hebbian": hebbian, "pseudo-inverse": pseudo_inverse}


# The registered name is the class's old one: it is in model files that exist already.
@keras.saving.register_keras_serializable(package="search_spaces", name="Recall")
class HopfieldModel(keras.Model):
    """A Hopfield network: stores patterns of training rows, and is evaluated on corrupted rows.

    A pattern is the signs of a row, or the majority of the signs in a cluster of rows. Clusters
    come from online k-means (MacQueen, 1967): the means start as the first rows and move with every
    batch. Weights are whole numbers, so that sums are exact in any order.

    The layer ``turn_g`` updates group g of units. Its kernel is twice the weights plus 1 on the
    diagonal, which keeps the state of a unit whose input is 0. The layer ``values`` maps the states
    -1 and 1 to the mean training value below and above the threshold.

    Args:
        rule: ``hebbian`` or ``pseudo-inverse``.
        stored: ``clusters`` or ``rows``.
        patterns: Number of patterns.
        self_connections: Whether to keep the diagonal of the weight matrix.
        corruption: Share of units that are flipped in rows to recall.
        threshold: A unit is 1 if its scaled value is above this, else -1.
        groups: Number of groups of units that are updated one after another.
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
        # Sum and number of training values at or below the threshold (row 0) and above it (row 1).
        self.sums, self.numbers = self._weight((2, units), "sums"), self._weight((2, units), "n")

    def _weight(self, shape: tuple[int, ...], name: str) -> Any:
        return self.add_weight(shape, "zeros", "float32", trainable=False, name=name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.facts}

    def train_step(self, data: Any) -> Any:
        """Stores patterns of these rows; the reported loss is that of the recall before."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        predictions = self(self.corrupted(x), training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=predictions, sample_weight=weights, training=True)
        rows = tf.cast(tf.reshape(x, (-1, self.units)), "float32")
        ones = tf.ones(tf.shape(rows)[:1])
        self.store(rows, ones if weights is None else tf.reshape(weights, (-1,)))
        self.optimizer.iterations.assign_add(1)
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, predictions, sample_weight=weights)

    def test_step(self, data: Any) -> Any:
        """As in `keras.Model`, with corrupted rows."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        return super().test_step((self.corrupted(x), y, weights))

    def corrupted(self, x: Any) -> Any:
        """Returns rows with a share of the values mirrored at the threshold: their units flip.

        The same positions in every batch, epoch and trial, so that losses can be compared.
        """
        chances = tf.random.stateless_uniform(tf.shape(x), SEED)
        mirrored = 2.0 * self.facts["threshold"] - x
        return tf.where(chances < self.facts["corruption"], mirrored, x)

    def store(self, rows: Any, weights: Any) -> None:
        """Adds rows (rows, units) with weights (rows,) to the clusters and the means of values."""
        above = rows > self.facts["threshold"]
        signs = tf.where(above, 1.0, -1.0)
        self._start_means(signs)
        if self.facts["stored"] == "clusters":
            self._move_means(signs, weights[:, None])
        sides = tf.cast(tf.stack([tf.logical_not(above), above]), "float32") * weights[:, None]
        self.sums.assign_add(tf.reduce_sum(sides * rows, axis=1))
        self.numbers.assign_add(tf.reduce_sum(sides, axis=1))
        self._copy_weights()

    def stored_patterns(self) -> Any:
        """Returns -1 and 1, (patterns, units); a pattern that is missing yet is all 0."""
        signs = tf.where(self.means.value > 0.0, 1.0, -1.0)
        return signs * tf.cast(self._is_filled(), "float32")[:, None]

    def _is_filled(self) -> Any:
        return tf.range(self.facts["patterns"]) < self.filled.value

    def _start_means(self, signs: Any) -> None:
        """Starts the means that are missing yet with the next rows."""
        indices = self.filled.value + tf.range(tf.shape(signs)[0])
        used = indices < self.facts["patterns"]
        means = tf.tensor_scatter_nd_update(
            self.means.value, tf.boolean_mask(indices, used)[:, None], tf.boolean_mask(signs, used)
        )
        self.means.assign(means)
        self.filled.assign(tf.minimum(indices[-1] + 1, self.facts["patterns"]))

    def _move_means(self, signs: Any, weights: Any) -> None:
        """Moves each mean to the mean of all rows that were ever assigned to it."""
        means, counts = self.means.value, self.counts.value
        # Squared distances without |signs|^2, which is the same for all means.
        lengths = tf.reduce_sum(tf.square(means), axis=1)
        distances = lengths - 2.0 * tf.matmul(signs, means, transpose_b=True)
        nearest = tf.argmin(tf.where(self._is_filled(), distances, distances.dtype.max), axis=1)
        assigned = tf.one_hot(nearest, self.facts["patterns"]) * weights
        new_counts = counts + tf.reduce_sum(assigned, axis=0)[:, None]
        total = counts * means + tf.matmul(assigned, signs, transpose_a=True)
        self.means.assign(tf.where(new_counts > 0.0, total / tf.maximum(new_counts, 1e-6), means))
        self.counts.assign(new_counts)

    def _copy_weights(self) -> None:
        """Writes the stored patterns into the layers, from which predictions are computed."""
        matrix = RULES[self.facts["rule"]](self.stored_patterns())
        if not self.facts["self_connections"]:
            matrix = tf.linalg.set_diag(matrix, tf.zeros(self.units))
        identity = tf.eye(self.units)
        groups = self.facts["groups"]
        group_of = tf.range(self.units) * groups // self.units
        for i in range(groups):
            self.get_layer(f"turn_{i}").kernel.assign(
                tf.where(group_of == i, 2.0 * matrix + identity, identity)
            )
        low, high = tf.unstack(tf.math.divide_no_nan(self.sums.value, self.numbers.value))
        # A value that was always on one side has the same mean on both.
        seen = self.numbers.value > 0.0
        low, high = tf.where(seen[0], low, high), tf.where(seen[1], high, low)
        # A line through (-1, low) and (1, high).
        self.get_layer("values").kernel.assign((high - low) / 2.0)
        self.get_layer("values").bias.assign((high + low) / 2.0)
