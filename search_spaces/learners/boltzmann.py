"""How Boltzmann machines learn whose units are all connected."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from search_spaces.learners.rbm import check_unit_interval

SPREAD = 0.1  # of the first weights


def sweep(states: Any, weights: Any, biases: Any, *, first: int, seed: Any) -> Any:
    """Returns states after each unit from ``first`` on was drawn once, given all others.

    Ackley et al. 1985, equation 5 at temperature 1: ``p(s_i = 1) = sigmoid(sum_j w_ij s_j + b_i)``.

    Args:
        states: s, float32 (units, rows).
        weights: W, symmetric with zeros on its diagonal, (units, units).
        biases: b, (units,).
        first: The units before it stay clamped.
    """
    chances = keras.random.uniform(tf.shape(states), seed=seed)

    def draw(i: Any, states: Any) -> tuple[Any, Any]:
        field = tf.linalg.matvec(states, weights[i], transpose_a=True) + biases[i]
        drawn = tf.cast(chances[i] < tf.sigmoid(field), "float32")
        return i + 1, tf.tensor_scatter_nd_update(states, [[i]], drawn[None])

    units = tf.shape(states)[0]
    _, states = tf.while_loop(
        lambda i, _: i < units,
        draw,
        (tf.constant(first), states),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None])),
    )
    return states


@keras.saving.register_keras_serializable(package="search_spaces")
class Correlations(keras.Model):
    """Follows the difference of correlations with rows clamped and without.

    The negative log-likelihood has the gradient ``<s_i s_j>_free - <s_i s_j>_clamped`` by ``w_ij``
    (Ackley et al. 1985, equation 7). Both means are taken over states of Gibbs sampling: clamped
    ones begin with the hidden units' mean field, free ones where those ended, or where they were
    left in the batch before (persistent chains: Tieleman, 2008). In each product one of both units
    is replaced by its probability given all others, which changes no mean and narrows the spread.

    The layers ``upward``, ``lateral``, ``downward`` and ``beside`` hold parts of the one matrix.

    Args:
        sweeps: Of Gibbs sampling, of either kind, a step.
        chains: How many that are never begun anew; 0 to begin at the rows of each batch.
        penalty: Weight of the squared weights.
    """

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, *,
        sweeps: int, chains: int, penalty: float, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(inputs, outputs, name=name, **options)
        self.facts: dict[str, Any] = {"sweeps": sweeps, "chains": chains, "penalty": penalty}
        self.chance = keras.random.SeedGenerator()
        self.visible, hidden = self.get_layer("upward").kernel.shape
        units = self.visible + hidden
        self.matrix = self.add_weight((units, units), _symmetric, "float32", name="matrix")
        self.biases = self.add_weight((units,), "zeros", "float32", name="biases")
        self.chains = self.add_weight(
            (units, chains), "zeros", "float32", trainable=False, name="chains"
        )
        self._publish()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.facts}

    def train_step(self, data: Any) -> Any:
        """One step down the gradient; the loss that is reported is the reconstruction's."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        rows = tf.cast(tf.reshape(x, (-1, self.visible)), "float32")
        check_unit_interval(rows, binary=True, otherwise="take --scaling minmax")
        answers = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
        gradients = [self.optimizer.scale_loss(part) for part in self.gradient(rows, weights)]
        self.optimizer.apply_gradients(zip(gradients, [self.matrix, self.biases], strict=True))
        self._publish()
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, answers, sample_weight=weights)

    def gradient(self, rows: Any, weights: Any = None) -> tuple[Any, Any]:
        """Returns the gradient by matrix and biases; moves the chains.

        Args:
            rows: float32 (rows, visible units).
            weights: How much each row counts, (rows,); None for 1.
        """
        counts = tf.ones(tf.shape(rows)[:1]) if weights is None else tf.reshape(weights, (-1,))
        clamped = self._sample(tf.concat([rows, self._mean_field(rows)], axis=1), self.visible)
        if self.facts["chains"]:
            free = self._sample(tf.transpose(self.chains.value), 0)
            self.chains.assign(free)
            others = tf.fill(tf.shape(free)[1:], tf.reduce_mean(counts))
        else:
            free, others = self._sample(tf.transpose(clamped), 0), counts
        learned, known = self._means(clamped, counts, self.visible), self._means(free, others, 0)
        shrink = 2.0 * self.facts["penalty"] * self.matrix.value
        return known[0] - learned[0] + shrink, known[1] - learned[1]

    def _sample(self, states: Any, first: int) -> Any:
        """States (units, rows) after all sweeps from ``states`` (rows, units)."""
        states = tf.transpose(states)
        parts = (self.matrix.value, self.biases.value)
        for _ in range(self.facts["sweeps"]):
            states = sweep(states, *parts, first=first, seed=self.chance)
        return tf.stop_gradient(states)

    def _mean_field(self, rows: Any) -> Any:
        """Where the hidden units begin: their probabilities if they did not see each other."""
        return tf.sigmoid(self.get_layer("upward")(rows))

    def _means(self, states: Any, counts: Any, first: int) -> tuple[Any, Any]:
        """Mean products (units, units) with a zero diagonal, and means (units,)."""
        fields = tf.matmul(self.matrix.value, states) + self.biases.value[:, None]
        likely = tf.concat([states[:first], tf.sigmoid(fields[first:])], axis=0) * counts
        rows = tf.cast(tf.shape(states)[1], "float32")
        products = tf.matmul(likely, states, transpose_b=True) / rows
        products = 0.5 * (products + tf.transpose(products))
        empty = tf.zeros(tf.shape(states)[:1])
        return tf.linalg.set_diag(products, empty), tf.reduce_sum(likely, axis=1) / rows

    def _publish(self) -> None:
        """Lets the layers answer by the matrix as it is now."""
        v, matrix, biases = self.visible, self.matrix.value, self.biases.value
        self.get_layer("upward").kernel.assign(matrix[:v, v:])
        self.get_layer("upward").bias.assign(biases[v:])
        self.get_layer("lateral").kernel.assign(matrix[v:, v:])
        self.get_layer("downward").kernel.assign(matrix[v:, :v])
        self.get_layer("downward").bias.assign(biases[:v])
        self.get_layer("beside").kernel.assign(matrix[:v, :v])


def _symmetric(shape: Any, dtype: Any = None) -> Any:
    """Small random weights, the same there and back, none from a unit to itself."""
    half = keras.initializers.RandomNormal(stddev=SPREAD)(shape, dtype)
    upper = tf.linalg.band_part(half, 0, -1) - tf.linalg.band_part(half, 0, 0)
    return upper + tf.transpose(upper)
