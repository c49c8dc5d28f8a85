"""Training of restricted Boltzmann machines by contrastive divergence.

Symbols as in Hinton, A Practical Guide to Training Restricted Boltzmann Machines, 2010: visible
units v with biases b, hidden units h with biases c, weights W between them.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

OTHERWISE = "take --scaling minmax, or --set visible=gaussian"
REFERENCE = 256  # number of latest training rows that free energies are compared with


def free_energy(rows: Any, kernel: Any, hidden: Any, visible: Any, *, binary: bool) -> Any:
    """Returns ``F(v) = -log sum_h exp(-E(v, h))`` of each row, shape (rows,).

    Args:
        rows: v, float32 (rows, units).
        kernel: W, (units, hidden units).
        hidden: biases c, (hidden units,).
        visible: biases b, (units,).
        binary: ``E = -bv - ch - vWh``; else v has unit variance, ``|v - b|^2 / 2`` for ``-bv``.
    """
    inputs = tf.matmul(rows, kernel) + hidden
    visible_term = -tf.linalg.matvec(rows, visible) if binary else tf.reduce_sum(
        tf.square(rows - visible), axis=1
    ) / 2  # fmt: skip
    # The sum over all h factorizes: log(1 + exp(a)) for each hidden unit with the input a.
    return visible_term - tf.reduce_sum(tf.nn.softplus(inputs), axis=1)


def gibbs(
    rows: Any, kernel: Any, hidden: Any, visible: Any, *, binary: bool, k: int, seed: Any
) -> Any:
    """Returns rows after k full steps of Gibbs sampling that start at ``rows``, of the same shape.

    Args:
        rows: v, float32 (rows, units).
        kernel: W, (units, hidden units).
        hidden: biases c, (hidden units,).
        visible: biases b, (units,).
        binary: whether visible units are 0 or 1, else Gaussian with unit variance.
        k: number of steps.
        seed: a `keras.random.SeedGenerator`.
    """
    for _ in range(k):
        states = _draw(tf.sigmoid(tf.matmul(rows, kernel) + hidden), seed)
        inputs = tf.matmul(states, kernel, transpose_b=True) + visible
        if binary:
            rows = _draw(tf.sigmoid(inputs), seed)
        else:
            rows = inputs + keras.random.normal(tf.shape(inputs), seed=seed)
    # The gradient of contrastive divergence takes the samples as constants.
    return tf.stop_gradient(rows)


def check_unit_interval(rows: Any, *, binary: bool, otherwise: str = OTHERWISE) -> None:
    """Makes a training step fail with a message if rows for binary units are outside of [0, 1]."""
    if not binary:
        return
    low, high = tf.reduce_min(rows), tf.reduce_max(rows)
    tf.debugging.Assert(
        tf.logical_and(low >= 0.0, high <= 1.0),
        ["Expected rows in [0, 1] for binary visible units. Received numbers from", low, "to", high,
         f": {otherwise}."],
    )  # fmt: skip


def _draw(probabilities: Any, seed: Any) -> Any:
    """Samples 0 or 1 with these probabilities, as float32 of the same shape."""
    uniform = keras.random.uniform(tf.shape(probabilities), seed=seed)
    return tf.cast(uniform < probabilities, "float32")


# The registered name is the class's old one: it is in model files that exist already.
@keras.saving.register_keras_serializable(package="search_spaces", name="ContrastiveDivergence")
class RBMModel(keras.Model):
    """A restricted Boltzmann machine, trained by the gradient of ``F(v_0) - F(v_k)``.

    ``v_0`` are training rows. ``v_k`` are the result of k steps of Gibbs sampling, from the rows
    themselves (CD-k: Hinton, Training Products of Experts by Minimizing Contrastive Divergence,
    2002) or from persistent Markov chains (PCD: Tieleman, Training RBMs Using Approximations to the
    Likelihood Gradient, 2008). The derivative of ``F`` by ``W`` is ``-v p(h=1|v)``, so the gradient
    is the difference of two correlations.

    The layer ``hidden`` gives the probabilities of hidden units, and ``visible`` the mean of rows
    given these. Its kernel is always the transposed kernel of ``hidden``.

    Args:
        binary: Whether visible units are 0 or 1, else Gaussian with unit variance.
        k: Steps of Gibbs sampling.
        chains: Number of persistent chains; 0 starts at the rows of each batch instead.
        penalty: Weight of the squared kernel in the loss (L2).
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
        # Trained through the kernel of ``hidden``: see ``_copy_kernel``.
        self.get_layer("visible").kernel.trainable = False
        self.chains = self.add_weight((chains, size), "zeros", trainable=False, name="chains")
        self.reference = self.add_weight(
            (REFERENCE, size), "zeros", trainable=False, name="reference"
        )
        self.seen = self.add_weight((), "zeros", "int32", trainable=False, name="seen")
        self.gap = keras.metrics.Mean(name="free_energy_gap")
        self._copy_kernel()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.facts}

    def train_step(self, data: Any) -> Any:
        """One step of contrastive divergence; the reported loss is that of the reconstruction."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        rows = self._flat(x)
        check_unit_interval(rows, binary=self.facts["binary"])
        answers = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
        self._compare(rows)
        variables = self._trained_variables()
        gradients = self.divergence(rows, weights)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._copy_kernel()
        # A queue: the new rows push out the oldest.
        self.reference.assign(tf.concat([rows, self.reference.value], axis=0)[:REFERENCE])
        self.seen.assign(tf.minimum(self.seen.value + tf.shape(rows)[0], REFERENCE))
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, answers, sample_weight=weights)

    def test_step(self, data: Any) -> Any:
        """As in `keras.Model`; also measures the free energy gap to the latest training rows."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self._compare(self._flat(x))
        return super().test_step(data)

    def divergence(self, rows: Any, weights: Any = None) -> list[Any]:
        """Returns the gradients of kernel, hidden and visible biases; advances persistent chains.

        Args:
            rows: float32 (rows, units).
            weights: of the rows, (rows,); None for 1.
        """
        values, options = [v.value for v in self._trained_variables()], self._options
        persistent = self.facts["chains"] > 0
        start = self.chains.value if persistent else rows
        after = gibbs(start, *values, **options, k=self.facts["k"], seed=self.chance)
        if persistent:
            self.chains.assign(after)
        counts = tf.ones(tf.shape(rows)[:1]) if weights is None else tf.reshape(weights, (-1,))
        # Chains belong to no row of the batch: each has the mean weight.
        chain_weights = tf.reduce_mean(counts) if persistent else counts
        with tf.GradientTape() as tape:
            tape.watch(values)
            data = tf.reduce_mean(counts * free_energy(rows, *values, **options))
            model = tf.reduce_mean(chain_weights * free_energy(after, *values, **options))
            penalty = self.facts["penalty"] * tf.reduce_sum(tf.square(values[0]))
            loss = self.optimizer.scale_loss(data - model + penalty)
        return list(tape.gradient(loss, values))

    @property
    def _options(self) -> dict[str, bool]:
        return {"binary": self.facts["binary"]}

    def _compare(self, rows: Any) -> None:
        """Updates the metric: free energy of these rows minus that of the latest training rows.

        The gap grows with overfitting: Hinton 2010, section 6.
        """
        values, options = [v.value for v in self._trained_variables()], self._options
        seen = tf.cast(self.seen.value, "float32")
        energies = free_energy(self.reference.value, *values, **options)
        filled = tf.cast(tf.range(REFERENCE) < self.seen.value, "float32")
        mean = tf.reduce_sum(filled * energies) / tf.maximum(seen, 1.0)
        gaps = free_energy(rows, *values, **options) - mean
        self.gap.update_state(tf.where(seen > 0, gaps, 0.0))

    def _trained_variables(self) -> list[Any]:
        hidden, visible = self.get_layer("hidden"), self.get_layer("visible")
        return [hidden.kernel, hidden.bias, visible.bias]

    def _copy_kernel(self) -> None:
        kernel = self.get_layer("hidden").kernel
        self.get_layer("visible").kernel.assign(keras.ops.transpose(kernel))

    def _flat(self, x: Any) -> Any:
        size = self.get_layer("hidden").kernel.shape[0]
        return tf.cast(tf.reshape(x, (-1, size)), "float32")
