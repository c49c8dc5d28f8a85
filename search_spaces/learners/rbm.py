"""How restricted Boltzmann machines learn."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

OTHERWISE = "take --scaling minmax, or --set visible=gaussian"
REFERENCE = 256  # training rows, the latest ones, that others' free energy is compared with


def free_energy(rows: Any, kernel: Any, hidden: Any, visible: Any, *, binary: bool) -> Any:
    """Returns ``F(v) = -log sum_h exp(-E(v, h))`` of each row, shape (rows,).

    Args:
        rows: v, float32 (rows, units).
        kernel: W, (units, hidden units).
        hidden: their biases c.
        visible: those of visible units, b.
        binary: ``E = -bv - ch - vWh``; else v has unit variance, ``|v - b|^2 / 2`` for ``-bv``.
    """
    inputs = tf.matmul(rows, kernel) + hidden
    own = -tf.linalg.matvec(rows, visible) if binary else tf.reduce_sum(
        tf.square(rows - visible), axis=1
    ) / 2  # fmt: skip
    return own - tf.reduce_sum(tf.nn.softplus(inputs), axis=1)


def gibbs(
    rows: Any, kernel: Any, hidden: Any, visible: Any, *, binary: bool, k: int, seed: Any
) -> Any:
    """Returns rows after k full steps of Gibbs sampling from ``rows``, of the same shape."""
    for _ in range(k):
        code = _draw(tf.sigmoid(tf.matmul(rows, kernel) + hidden), seed)
        inputs = tf.matmul(code, kernel, transpose_b=True) + visible
        if binary:
            rows = _draw(tf.sigmoid(inputs), seed)
        else:
            rows = inputs + keras.random.normal(tf.shape(inputs), seed=seed)
    return tf.stop_gradient(rows)


def check_unit_interval(rows: Any, *, binary: bool, otherwise: str = OTHERWISE) -> None:
    """Lets a step fail, with a line for the user, where binary units get what is no probability."""
    if not binary:
        return
    low, high = tf.reduce_min(rows), tf.reduce_max(rows)
    tf.debugging.Assert(
        tf.logical_and(low >= 0.0, high <= 1.0),
        ["Expected rows in [0, 1] for binary visible units. Received numbers from", low, "to", high,
         f": {otherwise}."],
    )  # fmt: skip


def _draw(probabilities: Any, seed: Any) -> Any:
    chance = keras.random.uniform(tf.shape(probabilities), seed=seed)
    return tf.cast(chance < probabilities, "float32")


@keras.saving.register_keras_serializable(package="search_spaces")
class ContrastiveDivergence(keras.Model):
    """Follows contrastive divergence: the gradient of ``F(v_0) - F(v_k)``.

    ``v_0`` are rows, ``v_k`` what k steps of Gibbs sampling make of them (CD-k: Hinton, 2002) or
    of chains that are never begun anew (PCD: Tieleman, 2008). The derivative of ``F`` by ``W`` is
    ``-v p(h=1|v)``, so that the gradient is the difference of both correlations.

    The layer ``hidden`` gives the hidden units' probabilities, ``visible`` the mean of rows given
    these; its kernel is kept the transposed one of ``hidden``.

    Args:
        binary: Whether visible units are 0 or 1, else of unit variance.
        k: Steps of Gibbs sampling.
        chains: How many that are never begun anew; 0 to begin at the rows of each batch.
        penalty: Weight of the squared kernel.
    """

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, *,
        binary: bool, k: int, chains: int, penalty: float, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(inputs, outputs, name=name, **options)
        self.facts: dict[str, Any] = {
            "binary": binary,
            "k": k,
            "chains": chains,
            "penalty": penalty,
        }
        self.chance = keras.random.SeedGenerator()
        size = self.get_layer("hidden").kernel.shape[0]
        self.get_layer("visible").kernel.trainable = False
        self.chains = self.add_weight((chains, size), "zeros", trainable=False, name="chains")
        self.reference = self.add_weight(
            (REFERENCE, size), "zeros", trainable=False, name="reference"
        )
        self.seen = self.add_weight((), "zeros", "int32", trainable=False, name="seen")
        self.gap = keras.metrics.Mean(name="free_energy_gap")
        self._publish()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.facts}

    def train_step(self, data: Any) -> Any:
        """One step of contrastive divergence; the loss that is reported is the reconstruction's."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        rows = self._flat(x)
        check_unit_interval(rows, binary=self.facts["binary"])
        answers = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
        self._compare(rows)
        variables = self._parts()
        gradients = self.divergence(rows, weights)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._publish()
        self.reference.assign(tf.concat([rows, self.reference.value], axis=0)[:REFERENCE])
        self.seen.assign(tf.minimum(self.seen.value + tf.shape(rows)[0], REFERENCE))
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, answers, sample_weight=weights)

    def test_step(self, data: Any) -> Any:
        """As of every model, with the gap between these rows and the latest training rows."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self._compare(self._flat(x))
        return super().test_step(data)

    def divergence(self, rows: Any, weights: Any = None) -> list[Any]:
        """Returns the gradient of kernel, hidden biases and visible biases; moves the chains."""
        parts, options = [part.value for part in self._parts()], self._options
        persistent = self.facts["chains"] > 0
        start = self.chains.value if persistent else rows
        after = gibbs(start, *parts, **options, k=self.facts["k"], seed=self.chance)
        if persistent:
            self.chains.assign(after)
        counts = tf.ones(tf.shape(rows)[:1]) if weights is None else tf.reshape(weights, (-1,))
        others = tf.reduce_mean(counts) if persistent else counts
        with tf.GradientTape() as tape:
            tape.watch(parts)
            data = tf.reduce_mean(counts * free_energy(rows, *parts, **options))
            model = tf.reduce_mean(others * free_energy(after, *parts, **options))
            shrink = self.facts["penalty"] * tf.reduce_sum(tf.square(parts[0]))
            loss = self.optimizer.scale_loss(data - model + shrink)
        return list(tape.gradient(loss, parts))

    @property
    def _options(self) -> dict[str, bool]:
        return {"binary": self.facts["binary"]}

    def _compare(self, rows: Any) -> None:
        """How much more free energy these rows have than the latest that were learned.

        Hinton, A Practical Guide to Training RBMs, 2010, section 6: it grows with overfitting.
        """
        parts, options = [part.value for part in self._parts()], self._options
        seen = tf.cast(self.seen.value, "float32")
        learned = free_energy(self.reference.value, *parts, **options)
        there = tf.cast(tf.range(REFERENCE) < self.seen.value, "float32")
        learned = tf.reduce_sum(there * learned) / tf.maximum(seen, 1.0)
        gaps = free_energy(rows, *parts, **options) - learned
        self.gap.update_state(tf.where(seen > 0, gaps, 0.0))

    def _parts(self) -> list[Any]:
        hidden, visible = self.get_layer("hidden"), self.get_layer("visible")
        return [hidden.kernel, hidden.bias, visible.bias]

    def _publish(self) -> None:
        kernel = self.get_layer("hidden").kernel
        self.get_layer("visible").kernel.assign(keras.ops.transpose(kernel))

    def _flat(self, x: Any) -> Any:
        size = self.get_layer("hidden").kernel.shape[0]
        return tf.cast(tf.reshape(x, (-1, size)), "float32")
