"""Each trial is a run of MLflow, and each fold a run nested in it, as in many scripts.

    pip install mlflow-skinny
    tuner launch nested_mlflow.py:objective --trials 20

The runs lie in ``mlflow.db``, or where ``MLFLOW_TRACKING_URI`` says. A trial that was taken over
carries on its own run, behind the folds that it has finished: both are in the trial's folder.
"""

import json
import os

import keras
import mlflow
import numpy as np
import optuna
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

FOLDS, EPOCHS = 3, 10

mlflow.set_tracking_uri(os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db"))
mlflow.set_experiment("wine")  # made while `launch` looks at this file, before workers start


class LogEpochs(keras.callbacks.Callback):
    """Every epoch's figures become metrics of the run."""

    def on_epoch_end(self, epoch, logs=None):
        """Logs the figures of the epoch, which is counted from 0."""
        mlflow.log_metrics(logs, step=epoch)


def start_run(trial):
    """Begins the run of a trial, or goes on with the one that an earlier attempt began."""
    kept = trial.folder / "run_id"
    if kept.exists():
        return mlflow.start_run(run_id=kept.read_text())
    run = mlflow.start_run(run_name=f"trial {trial.number}")
    kept.write_text(run.info.run_id)
    return run


def validation_loss(trial, fold, train, validation):
    """Returns the loss of a network that is trained on one fold."""
    keras.utils.set_random_seed(trial.seed + fold)
    model = keras.Sequential(
        [
            keras.layers.Dense(trial.suggest_int("units", 4, 64, log=True), "relu"),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    rate = trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    with mlflow.start_run(run_name=f"fold {fold}", nested=True):
        history = model.fit(
            *train,
            validation_data=validation,
            epochs=EPOCHS,
            verbose=0,
            callbacks=[LogEpochs()],
        )
    return min(history.history["val_loss"])


def objective(trial):
    """Returns the mean loss of three folds."""
    x, y = load_wine(return_X_y=True)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y)
    kept = trial.folder / "losses.json"
    losses = json.loads(kept.read_text()) if kept.exists() else []
    with start_run(trial):
        for fold, (train, validation) in list(enumerate(folds))[len(losses) :]:
            scaler = StandardScaler().fit(x[train])
            parts = [(scaler.transform(x[rows]), y[rows]) for rows in (train, validation)]
            losses.append(validation_loss(trial, fold, *parts))
            kept.write_text(json.dumps(losses))
            trial.report(np.mean(losses), fold)
            if trial.should_prune():
                mlflow.set_tag("state", "pruned")
                raise optuna.TrialPruned
        mlflow.log_params(trial.params)
        mlflow.log_metric("loss", np.mean(losses))
    return np.mean(losses)
