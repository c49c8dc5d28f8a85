"""Training of fully connected Boltzmann machines.

Source: Ackley, Hinton and Sejnowski, A Learning Algorithm for Boltzmann Machines, 1985.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from search_spaces.families.rbm_model import check_unit_interval

SPREAD = 0.1  # standard deviation of the initial weights


def sweep(states: Any, weights: Any, biases: Any, *, first: int, seed: Any) -> Any:
    """One sweep of Gibbs sampling: samples each unit from ``first`` on once, given all others.

    Ackley et al. 1985, equation 5 at temperature 1: ``p(s_i = 1) = sigmoid(sum_j w_ij s_j + b_i)``.

    Args:
        states: s, float32 (units, rows).
        weights: W, symmetric with zeros on its diagonal, (units, units).
        biases: b, (units,).
        first: Units before this index stay clamped.
        seed: A `keras.random.SeedGenerator`.
    """
    uniform = keras.random.uniform(tf.shape(states), seed=seed)

    def draw(i: Any, states: Any) -> tuple[Any, Any]:
        field = tf.linalg.matvec(states, weights[i], transpose_a=True) + biases[i]
        drawn = tf.cast(uniform[i] < tf.sigmoid(field), "float32")
        return i + 1, tf.tensor_scatter_nd_update(states, [[i]], drawn[None])

    # One unit after another: each must see the new states of those before it. A loop in the graph,
    # because unrolling it would make the graph as long as there are units.
    units = tf.shape(states)[0]
    _, states = tf.while_loop(
        lambda i, _: i < units,
        draw,
        (tf.constant(first), states),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None])),
    )
    return states


# The registered name is the class's old one: it is in model files that exist already.
@keras.saving.register_keras_serializable(package="search_spaces", name="Correlations")
class BoltzmannModel(keras.Model):
    """A Boltzmann machine, trained by the difference of correlations in two phases.

    The negative log-likelihood has the gradient ``<s_i s_j>_free - <s_i s_j>_clamped`` by ``w_ij``
    (Ackley et al. 1985, equation 7). Both means are estimated by Gibbs sampling. In the clamped
    phase the visible units are training rows, and the hidden ones start at their mean field. The
    free phase starts at the states where the clamped one ended, or at persistent chains (Tieleman,
    2008). In each product one of the two units is replaced by its probability given all others:
    this keeps the mean and reduces the variance.

    The layers ``upward``, ``lateral``, ``downward`` and ``beside`` hold its blocks.

    Args:
        sweeps: Sweeps of Gibbs sampling in each phase of a training step.
        chains: Number of persistent chains; 0 starts at the rows of each batch instead.
        penalty: Weight of the squared weights in the loss (L2).
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
        self._copy_weights()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.facts}

    def train_step(self, data: Any) -> Any:
        """One step of gradient descent; the reported loss is that of the reconstruction."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        rows = tf.cast(tf.reshape(x, (-1, self.visible)), "float32")
        check_unit_interval(rows, binary=True, otherwise="take --scaling minmax")
        answers = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=True)
        gradients = [self.optimizer.scale_loss(part) for part in self.gradient(rows, weights)]
        self.optimizer.apply_gradients(zip(gradients, [self.matrix, self.biases], strict=True))
        self._copy_weights()
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return self.compute_metrics(x, y, answers, sample_weight=weights)

    def gradient(self, rows: Any, weights: Any = None) -> tuple[Any, Any]:
        """Returns the gradients of matrix and biases; advances persistent chains.

        Args:
            rows: float32 (rows, visible units).
            weights: Of the rows, (rows,); None for 1.
        """
        counts = tf.ones(tf.shape(rows)[:1]) if weights is None else tf.reshape(weights, (-1,))
        clamped = self._sample(tf.concat([rows, self._mean_field(rows)], axis=1), self.visible)
        if self.facts["chains"]:
            free = self._sample(tf.transpose(self.chains.value), 0)
            self.chains.assign(free)
            # Chains belong to no row of the batch: each has the mean weight.
            free_weights = tf.fill(tf.shape(free)[1:], tf.reduce_mean(counts))
        else:
            free, free_weights = self._sample(tf.transpose(clamped), 0), counts
        data, model = self._means(clamped, counts, self.visible), self._means(free, free_weights, 0)
        penalty = 2.0 * self.facts["penalty"] * self.matrix.value
        return model[0] - data[0] + penalty, model[1] - data[1]

    def _sample(self, states: Any, first: int) -> Any:
        """Returns states (units, rows) after all sweeps that start at ``states`` (rows, units)."""
        states = tf.transpose(states)
        weights = (self.matrix.value, self.biases.value)
        for _ in range(self.facts["sweeps"]):
            states = sweep(states, *weights, first=first, seed=self.chance)
        return tf.stop_gradient(states)

    def _mean_field(self, rows: Any) -> Any:
        """Initial hidden states: their probabilities without connections to each other."""
        return tf.sigmoid(self.get_layer("upward")(rows))

    def _means(self, states: Any, counts: Any, first: int) -> tuple[Any, Any]:
        """Weighted mean products (units, units), with a zero diagonal, and means (units,)."""
        fields = tf.matmul(self.matrix.value, states) + self.biases.value[:, None]
        probabilities = tf.concat([states[:first], tf.sigmoid(fields[first:])], axis=0) * counts
        rows = tf.cast(tf.shape(states)[1], "float32")
        products = tf.matmul(probabilities, states, transpose_b=True) / rows
        # Replacing i or j by its probability are two estimates of the same mean.
        products = 0.5 * (products + tf.transpose(products))
        zeros = tf.zeros(tf.shape(states)[:1])
        return tf.linalg.set_diag(products, zeros), tf.reduce_sum(probabilities, axis=1) / rows

    def _copy_weights(self) -> None:
        """Copies the current weights into the layers, from which predictions are computed."""
        v, matrix, biases = self.visible, self.matrix.value, self.biases.value
        self.get_layer("upward").kernel.assign(matrix[:v, v:])
        self.get_layer("upward").bias.assign(biases[v:])
        self.get_layer("lateral").kernel.assign(matrix[v:, v:])
        self.get_layer("downward").kernel.assign(matrix[v:, :v])
        self.get_layer("downward").bias.assign(biases[:v])
        self.get_layer("beside").kernel.assign(matrix[:v, :v])


def _symmetric(shape: Any, dtype: Any = None) -> Any:
    """Initial weights: small, random, symmetric, with a zero diagonal."""
    half = keras.initializers.RandomNormal(stddev=SPREAD)(shape, dtype)
    upper = tf.linalg.band_part(half, 0, -1) - tf.linalg.band_part(half, 0, 0)
    return upper + tf.transpose(upper)
