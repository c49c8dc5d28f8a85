"""A graph network with a loop of its own: few labels, and neighbours that share theirs.

    tuner launch graph_network.py:objective --trials 20 --direction max

All digits are one graph, each with its nearest neighbours (Kipf & Welling, 2017, arXiv:1609.02907).
There are no batches: each step sees the whole graph, and the loss only the nodes with a label.
"""

import keras
import numpy as np
import optuna
from keras import ops
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import kneighbors_graph

STEPS, LABELLED = 60, 100


def normalised(neighbours):
    """D^-1/2 (A + I) D^-1/2 of a symmetric graph, as a dense matrix."""
    graph = neighbours.maximum(neighbours.T).toarray() + np.eye(neighbours.shape[0])
    scale = 1 / np.sqrt(graph.sum(axis=1))
    return (scale[:, None] * graph * scale).astype("float32")


class GraphNetwork(keras.Model):
    """Two graph convolutions: each node takes the mean of what its neighbours have."""

    def __init__(self, graph, units, dropout):
        super().__init__()
        self.graph = ops.convert_to_tensor(graph)
        self.hidden = keras.layers.Dense(units, "relu")
        self.dropout = keras.layers.Dropout(dropout)
        self.answer = keras.layers.Dense(10)

    def call(self, nodes, training=False):
        """Logits of shape (nodes, 10)."""
        hidden = self.hidden(ops.matmul(self.graph, nodes))
        return self.answer(ops.matmul(self.graph, self.dropout(hidden, training=training)))


def objective(trial):
    """Returns the accuracy on nodes without a label."""
    keras.utils.set_random_seed(trial.seed)
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    labelled, unlabelled = train_test_split(
        np.arange(len(y)), train_size=LABELLED, random_state=0, stratify=y
    )
    neighbours = kneighbors_graph(x, trial.suggest_int("neighbours", 2, 12))
    model = GraphNetwork(
        normalised(neighbours),
        trial.suggest_int("units", 16, 64, log=True),
        trial.suggest_float("dropout", 0.0, 0.6),
    )
    rate = trial.suggest_float("learning_rate", 1e-3, 3e-2, log=True)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    mask = np.zeros(len(y), "float32")
    mask[labelled] = len(y) / LABELLED
    best = 0.0
    for step in range(STEPS):
        model.train_on_batch(x, y, sample_weight=mask)
        if step % 10 == 9:
            answers = ops.convert_to_numpy(model(x)).argmax(axis=1)
            accuracy = float((answers == y)[unlabelled].mean())
            best = max(best, accuracy)
            trial.report(accuracy, step)
            if trial.should_prune():
                raise optuna.TrialPruned
    return best
