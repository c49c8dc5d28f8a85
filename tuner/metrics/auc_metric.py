"""The area under the ROC curve, exact: Keras's own goes by 200 thresholds."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class RankingArea(keras.metrics.Metric):
    """How often a row of a class is given more probability of it than a row without it.

    The mean over all classes or labels, each against the others; of two classes that of the second
    one. Ties count one half. By ranks: Mann and Whitney, On a test of whether one of two random
    variables is stochastically larger than the other, 1947: with ``m`` rows of the class, ``n``
    without it and ``R`` the sum of the ranks of the former, it is ``(R - m (m + 1) / 2) / (m n)``.
    A class that all or none of the rows have is left out; without any other it is NaN.

    All rows since the last reset are kept, 8 bytes for each and each unit: ranks need them.

    Args:
        count: Units, 1 for two classes.
    """

    def __init__(self, count: int) -> None:
        super().__init__(name="auc")
        self._pairs = tf.Variable(
            tf.zeros([0, 2, count]), shape=tf.TensorShape([None, 2, count]), trainable=False
        )
        self._rows = tf.Variable(0, trainable=False)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes rows into account, ``(rows, units)`` each."""
        pairs = tf.stack([tf.cast(y_true, tf.float32), tf.cast(y_pred, tf.float32)], axis=1)
        begin = self._rows.read_value()
        end = begin + tf.shape(pairs)[0]
        room = tf.shape(self._pairs)[0]
        tf.cond(end > room, lambda: self._grow(tf.maximum(end, 2 * room) - room), lambda: 0)
        self._pairs[begin:end].assign(pairs)
        self._rows.assign(end)

    def _grow(self, by: Any) -> int:
        """Twice the room each time: what is copied stays in proportion to what is kept."""
        more = tf.zeros(tf.concat([[by], tf.shape(self._pairs)[1:]], axis=0))
        self._pairs.assign(tf.concat([self._pairs.read_value(), more], axis=0))
        return 0

    def result(self) -> Any:
        pairs = self._pairs[: self._rows.read_value()]
        y, scores = tf.transpose(pairs[:, 0]) > 0.5, tf.transpose(pairs[:, 1])  # (units, rows)
        ordered = tf.sort(scores, axis=1)
        # Ranks from 1; those of equal scores are their mean.
        ends = [tf.searchsorted(ordered, scores, side=side) for side in ("left", "right")]
        ranks = (tf.cast(ends[0] + ends[1], tf.float64) + 1) / 2
        with_it = tf.cast(y, tf.float64)
        m, n = (tf.reduce_sum(flags, axis=1) for flags in (with_it, 1 - with_it))
        areas = (tf.reduce_sum(ranks * with_it, axis=1) - m * (m + 1) / 2) / (m * n)
        known = tf.math.is_finite(areas)
        counted = tf.reduce_sum(tf.cast(known, tf.float64))
        mean = tf.reduce_sum(tf.where(known, areas, 0.0)) / counted
        return tf.cast(mean, tf.float32)

    def reset_state(self) -> None:
        self._rows.assign(0)
