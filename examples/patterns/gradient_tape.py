"""A training loop of one's own, with ``GradientTape``: it is a trial as it stands.

    tuner launch gradient_tape.py:objective --trials 20

The loop adds noise to the rows along the gradient (adversarial training), which no ``fit`` does.
Killed, a trial resumes from the weights in its folder: ``trial.folder`` survives the worker.
"""

import keras
import numpy as np
import optuna
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

EPOCHS = 8


def objective(trial):
    """Returns the validation loss on clean rows."""
    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        (x / 16).astype("float32"), y, test_size=0.25, random_state=0, stratify=y
    )
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(trial.suggest_int("units", 16, 128, log=True), "relu"),
            keras.layers.Dense(10),
        ]
    )
    optimizer = keras.optimizers.Adam(trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True))
    strength = trial.suggest_float("strength", 0.0, 0.1)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def train_step(rows, targets):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            loss = loss_of(targets, model(rows, training=True))
        rows += strength * tf.sign(tape.gradient(loss, rows))
        with tf.GradientTape() as tape:
            loss = loss_of(targets, model(rows, training=True))
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    done, best = 0, np.inf
    saved = tf.train.Checkpoint(model=model, optimizer=optimizer)
    if trial.resumed:
        saved.read(str(trial.folder / "weights"))
        done, best = np.load(trial.folder / "done.npy")
    for epoch in range(int(done), EPOCHS):
        order = np.random.default_rng(trial.seed + epoch).permutation(len(x_train))
        for batch in np.array_split(order, len(order) // 32):
            train_step(tf.constant(x_train[batch]), tf.constant(y_train[batch]))
        loss = float(loss_of(y_val, model(x_val)))
        best = min(best, loss)
        saved.write(str(trial.folder / "weights"))
        np.save(trial.folder / "done.npy", (epoch + 1, best))
        trial.report(loss, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    trial.log_model(model)
    return best
